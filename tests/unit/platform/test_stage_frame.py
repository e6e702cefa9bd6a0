"""What every stage gets from the frame: health, topics, and an orderly end on a signal."""

import asyncio
import os
import signal
import socket
import subprocess
import sys

import httpx
import pytest
from confluent_kafka.admin import AdminClient

from tradebot.platform.embedded import EmbeddedBroker
from tradebot.platform.kafka import KafkaUnreachableError, client_config
from tradebot.platform.settings import SettingsError, StageSettings
from tradebot.platform.stage import Stopping, running
from tradebot.platform.stages import Stage, installed

PLAIN = Stage(
    name="plain", order=0, summary="nothing", example="tradebot plain", settings="", run=""
)
BUSY = PLAIN._replace(name="busy", reads=("in",), writes=("out",), keeps=("mine",))


def test_health_is_served_and_says_what_the_stage_lacks() -> None:
    with running(PLAIN, StageSettings()) as frame:
        url = f"http://127.0.0.1:{frame.http_port}/readyz"
        assert httpx.get(url, trust_env=False).status_code == 503
        frame.readiness.started()
        assert httpx.get(url, trust_env=False).json() == {
            "stage": "plain", "ready": True, "reasons": {},
        }  # fmt: skip


def test_a_taken_port_is_one_sentence_with_the_way_out() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        sentence = rf"cannot serve on 127.0.0.1:{port}: .*; choose a free port with --http-port"
        with (
            pytest.raises(SettingsError, match=sentence),
            running(PLAIN, StageSettings(http_port=port)),
        ):
            pass


def test_topics_that_a_stage_reads_or_writes_are_there_before_it_works() -> None:
    broker = EmbeddedBroker()
    settings = StageSettings(kafka=broker.address, kafka_embedded=True, topic_prefix="blue.")
    with running(BUSY, settings):
        topics = AdminClient(client_config(settings)).list_topics(timeout=10).topics
    broker.close()
    assert {"blue.in", "blue.out"} <= set(topics)
    assert "blue.mine" not in topics, "the stage creates its own as it needs them"


def test_a_stage_without_topics_needs_no_broker() -> None:
    nowhere = StageSettings(kafka="127.0.0.1:1")
    with running(PLAIN, nowhere) as frame:
        assert not frame.stopping.is_set()
    with pytest.raises(KafkaUnreachableError), running(BUSY, nowhere):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_stage_and_earlier_handlers_are_restored(number: int) -> None:
    before = signal.getsignal(number)
    with running(PLAIN, StageSettings()) as frame:
        os.kill(os.getpid(), number)
        assert frame.stopping.wait(10)
    assert signal.getsignal(number) is before


def test_actions_run_once_and_at_once_if_the_stage_was_stopped_before() -> None:
    stopping, called = Stopping(), []
    stopping.call(lambda: called.append("early"))
    stopping.set()
    stopping.set()
    stopping.call(lambda: called.append("late"))
    assert called == ["early", "late"]


def test_a_signal_wakes_an_event_loop_that_waits_for_nothing_else() -> None:
    with running(PLAIN, StageSettings()) as frame:

        async def work() -> None:
            ended = asyncio.Event()
            frame.stopping.call_in_loop(ended.set)
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(ended.wait(), 30)

        asyncio.run(work())
        frame.stopping.set()  # again, after the loop has ended


@pytest.mark.parametrize("stage", installed(), ids=lambda stage: stage.name)
def test_a_stage_describes_itself_without_loading_its_code(stage: Stage) -> None:
    script = (
        "import sys; from tradebot.platform.stages import installed; installed();"
        f"print({stage.run.partition(':')[0]!r} in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.stdout == "False\n"
