"""Elasticsearch is killed and restarted: memory stays bounded, and everything is stored once."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from demo_process import Demo
from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan
from line.day import TradingDay
from waiting.conditions import PATIENCE_SECONDS, until

from tradebot.documents import document_id
from tradebot.platform import kafka
from tradebot.platform.settings import StageSettings
from tradebot.platform.topic import read_topic
from tradebot.platform.topics import Topics
from tradebot.recorder.reading import forecast_of
from tradebot.records import DocType, Document, LiquidityRecord, decode, encode

TOOL = Path(__file__).resolve().parents[3] / "shared" / "servers" / "elasticsearch"
BACKLOG = int(os.environ.get("TRADEBOT_TEST_OUTAGE_DOCUMENTS", "5000"))
"""Of three kilobytes each; 20,000 of them would show in the memory if they were kept there."""

OUTAGE_SECONDS = float(os.environ.get("TRADEBOT_TEST_OUTAGE_SECONDS", "600"))
SPEED = 60  # exchange seconds a second: a window each second

pytestmark = [pytest.mark.elasticsearch, pytest.mark.kafka, pytest.mark.slow]


class Server:
    """An Elasticsearch that may be killed."""

    def __init__(self) -> None:
        self.name = f"outage-{os.getpid()}"
        self.address = self.tool("up").split()[-1]

    def tool(self, verb: str, *more: str) -> str:
        done = subprocess.run(
            [TOOL, verb, "--name", self.name, *more], capture_output=True, text=True, check=True
        )
        return done.stdout


@pytest.fixture
def server() -> Iterator[Server]:
    if not TOOL.exists():
        pytest.skip(f"needs {TOOL} to start a server that it may kill")
    server = Server()
    yield server
    server.tool("down", "--purge")


def resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def wait_for(url: str, text: str) -> None:
    def shown() -> bool:
        try:
            return text in httpx.get(url).text
        except httpx.HTTPError:
            return False

    until(shown, told=lambda: f"{url} never said {text!r}")


def wait_stored(server: Elasticsearch, count: int) -> None:
    def stored() -> bool:
        server.indices.refresh(index="tradebot-*")
        return bool(server.count(index="tradebot-*")["count"] >= count)

    until(stored, seconds=2 * PATIENCE_SECONDS, pause=0.5)


def decisions(count: int) -> list[Document]:
    """Returns large, distinct documents."""
    one = next(d for _, _, ds in TradingDay(steps=2).minutes(1) for d in ds if "inputs" in d.body)
    noise = random.Random(1)  # incompressible
    return [
        msgspec.structs.replace(
            one,
            id=f"{i:032x}",
            ts=one.ts + i,
            body=one.body | {"inputs": noise.randbytes(1500).hex()},
        )
        for i in range(count)
    ]


def test_an_outage_of_the_store_costs_neither_memory_nor_documents(
    server: Server, kafka_address: str, tmp_path: Path
) -> None:
    prefix = f"outage-{uuid.uuid4().hex[:8]}-"
    settings = StageSettings(kafka=kafka_address, topic_prefix=prefix)
    topic = Topics.of(settings).documents
    with socket.create_server(("127.0.0.1", 0)) as free:
        health = f"http://127.0.0.1:{free.getsockname()[1]}"
    recorder = subprocess.Popen(
        [
            sys.executable, "-m", "tradebot", "recorder", "--kafka", kafka_address,
            "--topic-prefix", prefix, "--state-dir", str(tmp_path), "--http-port",
            health.rpartition(":")[2], "--elasticsearch", f"http://{server.address}",
            "--group", prefix,
        ]
    )  # fmt: skip
    try:
        wait_for(f"{health}/readyz", '"ready": true')
        producer = kafka.producer(settings)
        for document in decisions(BACKLOG)[:500]:
            producer.produce(topic, key=document.id, value=encode(document))
        producer.flush()
        client = Elasticsearch(f"http://{server.address}", request_timeout=30)
        wait_stored(client, 500)
        before = resident_mib(recorder.pid)

        server.tool("kill9")
        for document in decisions(BACKLOG)[500:]:
            producer.produce(topic, key=document.id, value=encode(document))
        producer.flush()
        wait_for(f"{health}/readyz", "does not respond")
        time.sleep(5)
        assert httpx.get(f"{health}/livez").status_code == 200
        assert resident_mib(recorder.pid) - before < 64

        server.tool("restart")
        wait_stored(client, BACKLOG)
        assert client.count(index="tradebot-*")["count"] == BACKLOG
        assert client.count(index=f"tradebot-{DocType.DECISION}")["count"] == BACKLOG
        wait_for(f"{health}/readyz", '"ready": true')
    finally:
        recorder.send_signal(signal.SIGTERM)
        ended = recorder.wait(PATIENCE_SECONDS)
    assert ended == 0


def expected(settings: StageSettings) -> dict[str, int]:
    """Returns the newest `ts` of each document in the topics, including windows and forecasts."""
    topics = Topics.of(settings)
    made = [decode(value, Document) for value in read_topic(settings, topics.documents)]
    made += [forecast_of(value) for value in read_topic(settings, topics.forecasts)]
    newest: dict[str, int] = {}
    for document in made:
        newest[document.id] = max(newest.get(document.id, 0), document.ts)
    records = [decode(value, LiquidityRecord) for value in read_topic(settings, topics.liquidity)]
    parts = Counter((record.symbol, record.window_end) for record in records)
    for (symbol, end), count in parts.items():
        if count == 3:
            newest[document_id(DocType.LIQUIDITY, bot="", symbol=symbol, key=str(end))] = end
    return newest


def stored(client: Elasticsearch) -> list[tuple[str, int]]:
    """Id and `ts` of everything in the store."""
    client.indices.refresh(index="tradebot-*")
    hits = scan(client, index="tradebot-*", query={"_source": ["ts"]}, size=5000)
    return [(hit["_id"], hit["_source"]["ts"]) for hit in hits]


def decided(settings: StageSettings) -> list[int]:
    """Returns the ends of the decided windows."""
    values = read_topic(settings, Topics.of(settings).documents)
    made = (decode(value, Document) for value in values)
    return sorted(d.body["window_end"] for d in made if d.doc_type == DocType.DECISION)


@pytest.mark.chaos  # as long as the outage, ten minutes
@pytest.mark.timeout(OUTAGE_SECONDS + 400)
def test_the_line_trades_through_an_outage_by_the_clock_and_all_of_it_is_stored_after(
    server: Server,
    kafka_address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    say: Callable[[str], None],
) -> None:
    prefix = f"outage-{uuid.uuid4().hex[:8]}-"
    monkeypatch.setenv("TRADEBOT_TOPIC_PREFIX", prefix)
    settings = StageSettings(kafka=kafka_address, topic_prefix=prefix)
    client = Elasticsearch(f"http://{server.address}", request_timeout=30)
    demo = Demo(
        tmp_path, "--speed", str(SPEED), "--kafka", kafka_address,
        "--elasticsearch", f"http://{server.address}",
    )  # fmt: skip
    try:
        demo.wait_ready()
        wait_stored(client, 50)
        recorder = next(pid for pid, stage in demo.children().items() if stage == "recorder")
        before, windows_before = resident_mib(recorder), len(decided(settings))

        server.tool("kill9")
        end, memory = time.monotonic() + OUTAGE_SECONDS, [before]
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(10, left))
            memory.append(resident_mib(recorder))
        windows = len(decided(settings)) - windows_before
        waiting = expected(settings)
        server.tool("restart")
        wait_stored(client, len(waiting))
        memory.append(resident_mib(recorder))

        due = expected(settings)
        wait_stored(client, len(due))
        found = stored(client)
        summary = demo.end()
    finally:
        demo.abandon()
    figures = {
        "outage_seconds": OUTAGE_SECONDS,
        "windows": windows,
        "documents": len(due),
        "recorder_mib": [round(each, 1) for each in memory],
        "summary": summary,
    }
    say(json.dumps(figures))

    ends = decided(settings)
    assert ends == list(range(ends[0], ends[-1] + 1, 60_000)), "each window decided on, and once"
    assert windows >= 0.9 * OUTAGE_SECONDS * SPEED / 60
    assert max(memory) - before < 64
    times = Counter(id_ for id_, _ in found)
    assert set(times.values()) == {1}
    assert due.keys() <= times.keys()
    newest = dict(found)
    assert not [id_ for id_, ts in due.items() if newest[id_] < ts]
    assert (summary["errors"], summary["restarts"]) == (0, 0)
