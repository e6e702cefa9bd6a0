"""A worker that cannot keep up with the feed fires ConsumerLag, under a real Prometheus."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import httpx
import pytest
from observing.prometheus_watch import Prometheus, free_port
from waiting.conditions import PATIENCE_SECONDS, until

from tradebot.platform import kafka
from tradebot.platform.settings import StageSettings
from tradebot.platform.topics import Topics
from tradebot.records import FeedRecord, encode

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

START = 1_609_459_200_000
BACKLOG = 1_000_000
"""Records of the feed, an hour of a busy market, that wait when the worker starts."""


class Throttled(threading.Thread):
    """Lets a process run a tenth of the time, like a CPU limit of 100m."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._lifted = threading.Event()

    def run(self) -> None:
        while not self._lifted.is_set():
            os.kill(self._pid, signal.SIGSTOP)
            time.sleep(0.09)
            os.kill(self._pid, signal.SIGCONT)
            time.sleep(0.01)

    def lift(self) -> None:
        self._lifted.set()
        self.join()


def flood(settings: StageSettings) -> None:
    """Writes the backlog to one partition, like the feed of one symbol."""
    producer = kafka.producer(settings, **{"linger.ms": 50, "batch.num.messages": 10_000})
    topic = Topics.of(settings).feed
    for number in range(BACKLOG):
        record = FeedRecord(
            side="bid" if number % 2 else "ask",
            price=f"{11_000 + number % 100}.25",
            remaining="0.54571124",
            symbol="BTCUSD",
            ts=START + number * 3,
            reason="place",
            seq=number,
        )
        while True:
            try:
                producer.produce(topic, encode(record), "BTCUSD")
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(60) == 0


def alive(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(url, timeout=PATIENCE_SECONDS).status_code == 200
    return False


@pytest.fixture
def settings(kafka_address: str) -> StageSettings:
    settings = StageSettings(kafka=kafka_address, topic_prefix=f"lag-{uuid.uuid4().hex[:8]}.")
    topics = Topics.of(settings)
    kafka.ensure_topics(settings, [topics.feed, topics.liquidity, topics.dead_letters])
    return settings


def test_a_backlog_that_a_throttled_worker_does_not_catch_up_fires_its_alert_until_it_does(
    settings: StageSettings, prometheus: str, tmp_path: Path
) -> None:
    flood(settings)
    port = free_port()
    watching = Prometheus(tmp_path, prometheus, [f"127.0.0.1:{port}"])
    command = [sys.executable, "-m", "tradebot", "liquidity", "--kafka", settings.kafka]
    command += ["--topic-prefix", settings.topic_prefix, "--http-port", str(port)]
    worker = subprocess.Popen(command)
    try:
        lag = "tradebot:liquidity_lag_records:sum"
        until(lambda: alive(f"http://127.0.0.1:{port}/livez"))
        throttled = Throttled(worker.pid)
        throttled.start()
        try:
            until(lambda: "TradebotConsumerLag" in watching.firing())
            assert watching.value(lag) > 50_000
        finally:
            throttled.lift()
        until(lambda: "TradebotConsumerLag" not in watching.firing())
        until(lambda: watching.value(f"{lag} == bool 0") == 1)
    finally:
        worker.terminate()
        worker.wait(PATIENCE_SECONDS)
        watching.end()
