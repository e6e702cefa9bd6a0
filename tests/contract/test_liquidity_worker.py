"""The liquidity worker as a user runs it, on the embedded broker."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from waiting.conditions import PATIENCE_SECONDS, until

from tradebot.platform.embedded import EmbeddedBroker
from tradebot.records import FeedRecord, encode

START = 1_609_459_200_000
SYMBOL = "BTCUSD"
pytestmark = [pytest.mark.slow]


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


class Line:
    """An embedded broker, a worker, and its input and output."""

    def __init__(self, folder: Path) -> None:
        self.broker = EmbeddedBroker()
        self.port = free_port()
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self._producer = Producer({"bootstrap.servers": self.broker.address})
        self._seq = 0

    def start(self, *command: str) -> None:
        environment = {
            **os.environ,
            "TRADEBOT_KAFKA": self.broker.address,
            "TRADEBOT_KAFKA_EMBEDDED": "true",
            "TRADEBOT_HTTP_PORT": str(self.port),
            "TRADEBOT_SESSION_SECONDS": "6",
            "TRADEBOT_WORKER_ID": "only",
        }
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=log, stderr=log
            )

    def feed(self, *times: int) -> None:
        for at in times:
            record = FeedRecord("bid", "2.0", "3", SYMBOL, START + at, "place", self._seq)
            self._producer.produce("gemini-feed", encode(record), SYMBOL, partition=1)
            self._seq += 1
        self._producer.flush(10)

    def rubbish(self) -> None:
        self._producer.produce("gemini-feed", b"rubbish", SYMBOL, partition=1)
        self._producer.flush(10)

    def read(self, topic: str, count: int) -> list[dict[str, Any]]:
        """Returns the topic's records, once there are `count` of them."""
        consumer = Consumer({"bootstrap.servers": self.broker.address, "group.id": "none"})
        consumer.assign([TopicPartition(topic, part, 0) for part in range(4)])
        found: list[dict[str, Any]] = []

        def enough() -> bool:
            message = consumer.poll(0.5)
            if message is not None and message.error() is None:
                found.append(json.loads(message.value() or b""))
            return len(found) >= count

        until(enough, pause=0, told=lambda: found)
        consumer.close()
        return found

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE_SECONDS
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def comes_to_show(self, sample: str) -> None:
        """Waits until the metrics show the sample: the lag is measured at intervals."""
        until(lambda: sample in self.get("/metrics")[1], told=lambda: self.get("/metrics")[1])

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stops the worker; returns its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        code = self.process.wait(PATIENCE_SECONDS)
        self.process = None
        return code

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.broker.close()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path)
    yield made
    made.close()


TRADEBOT = (sys.executable, "-m", "tradebot", "liquidity")
FAUST = (str(Path(sys.executable).parent / "faust"), "-A", "tradebot.liquidity.app", "worker")


def test_windows_come_out_across_a_kill_and_a_clean_stop(
    line: Line,
) -> None:
    line.start(*TRADEBOT)
    line.feed(0, 1, 60_000, 61_000)
    assert len(line.read("faust.out", 3)) == 3
    line.feed(62_000)
    line.stop(signal.SIGKILL)
    line.start(*TRADEBOT)
    line.rubbish()
    line.feed(120_000, 121_000)
    records = line.read("faust.out", 6)
    assert [(r["type"], r["window_end"] - START, r["events"], r["complete"]) for r in records] == [
        ("ask", 60_000, 2, False),
        ("bid", 60_000, 2, False),
        ("price_volume", 60_000, 2, False),
        ("ask", 120_000, 3, True),
        ("bid", 120_000, 3, True),
        ("price_volume", 120_000, 3, True),
    ]
    assert [r["value"] for r in records[3:]] == [0.0, 18.0, None]
    (letter,) = line.read("dead-letters", 1)
    assert (letter["offset"], letter["value"], letter["stage"]) == (5, "rubbish", "liquidity")

    status, metrics = line.get("/metrics")
    assert status == 200
    assert 'tradebot_dead_letters_total{stage="liquidity",topic="gemini-feed"} 1.0' in metrics
    assert 'tradebot_liquidity_windows_total{complete="true",symbol="BTCUSD"} 1.0' in metrics
    line.comes_to_show('tradebot_liquidity_lag_records{partition="1"} 0.0')
    assert line.stop() == 0
    assert [path.name for path in line.folder.iterdir()] == ["log"]


def test_the_reports_command_line_serves_fausts_pages_and_a_silent_feed_makes_it_unready(
    line: Line,
) -> None:
    pages = free_port()
    line.start(*FAUST, f"--web-port={pages}")
    line.feed(0, 61_000)
    assert [record["type"] for record in line.read("faust.out", 3)] == [
        "ask",
        "bid",
        "price_volume",
    ]
    with urllib.request.urlopen(f"http://127.0.0.1:{pages}/", timeout=PATIENCE_SECONDS) as answer:
        assert answer.status == 200
    assert line.get("/readyz")[0] == 200
    until(lambda: line.get("/readyz")[0] == 503)
    _, body = line.get("/readyz")
    assert "the feed has been silent for" in json.loads(body)["reasons"]["feed"]
    assert line.get("/livez")[0] == 200
    line.feed(62_000)
    until(lambda: line.get("/readyz")[0] == 200)
    assert line.stop(signal.SIGINT) == 0
