"""Workers killed at random moments publish the windows of an undisturbed run.

TRADEBOT_KILLS and TRADEBOT_SEED make it longer, or repeat a failure.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from waiting.conditions import until

from tradebot.domain.symbol_windows import WindowRules
from tradebot.domain.window import PartitionWindows
from tradebot.liquidity.decoding import decode
from tradebot.liquidity.results import window_records
from tradebot.liquidity.settings import LiquiditySettings
from tradebot.platform import kafka
from tradebot.platform.topics import Topics
from tradebot.records import DeadLetter, FeedRecord, encode
from tradebot.records import decode as decode_record

SYMBOLS = ("BTCUSD", "ETHUSD", "LTCUSD", "SOLUSD")
START = 1_609_459_200_000
KILLS = int(os.environ.get("TRADEBOT_KILLS", "10"))
SEED = int(os.environ.get("TRADEBOT_SEED", random.randrange(10**6)))

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240 + 10 * KILLS)]


class LogRecord:
    """A record of a partition's log, with the field names of Kafka's records."""

    key = None
    timestamp = 0

    def __init__(self, offset: int, value: bytes) -> None:
        self.offset = offset
        self.value = value


class Feed(threading.Thread):
    """Writes all symbols' logs, a window of each in about 150 ms, until stopped.

    They contain connects with a book, losses, disorder, late records, records from the future and
    garbage.
    """

    def __init__(self, address: str, topic: str, draw: random.Random) -> None:
        super().__init__(daemon=True)
        self.logs: list[list[bytes]] = [[] for _ in SYMBOLS]
        self._topic = topic
        self._draw = draw
        self._seqs = [0] * len(SYMBOLS)
        self._times = [START] * len(SYMBOLS)
        self._stopped = threading.Event()
        self._producer = Producer({"bootstrap.servers": address, "enable.idempotence": True})

    def run(self) -> None:
        while not self._stopped.wait(0.02):
            for part in range(len(SYMBOLS)):
                for value in (self._next(part) for _ in range(4)):
                    self.logs[part].append(value)
                    self._producer.produce(self._topic, value, SYMBOLS[part], partition=part)
            self._producer.poll(0)
        self._producer.flush(10)

    def stop(self) -> None:
        self._stopped.set()
        self.join()

    def _next(self, part: int) -> bytes:
        draw, chance = self._draw, self._draw.random()
        if chance > 0.998:
            return b'{"side": "bid", "price": "no number"}'
        self._times[part] += draw.randrange(4000)
        self._seqs[part] = 0 if chance < 0.002 else self._seqs[part] + (5 if chance < 0.004 else 1)
        late = draw.choice((1500, 90_000)) if 0.01 < chance < 0.02 else 0
        if 0.02 < chance < 0.03:
            late = -draw.choice((540_000, 86_400_000, 70 * 365 * 86_400_000))
        return encode(
            FeedRecord(
                side=draw.choice(("bid", "ask")),
                price=f"{draw.uniform(100, 200):.2f}",
                remaining=f"{draw.uniform(0, 3):.8f}",
                symbol=SYMBOLS[part],
                ts=self._times[part] - late,
                reason="initial" if self._seqs[part] < 5 else "place",
                seq=self._seqs[part],
            )
        )


def unharmed(log: list[bytes]) -> tuple[list[bytes], list[int]]:
    """Returns an undisturbed run's results of a partition, and the offsets of its bad records."""
    decoded = decode([LogRecord(offset, value) for offset, value in enumerate(log)])
    windows = PartitionWindows(WindowRules())
    closed = windows.feed(decoded.changes, decoded.offsets, decoded.arrivals)
    written = [encode(record) for window in closed for record in window_records(window, 60_000)]
    bad = [one.offset for one in decoded.unreadable] + [offset for offset, _ in windows.rejected]
    return written, sorted(bad)


class Workers:
    """Processes of the stage; named ones keep their name over a restart."""

    def __init__(self, address: str, prefix: str, folder: Path) -> None:
        self._command = [sys.executable, "-m", "tradebot", "liquidity", "--kafka", address]
        self._command += ["--topic-prefix", prefix, "--session-seconds", "6"]
        self._folder = folder
        self.prefix = prefix
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        named = ["--worker-id", name] if name.startswith("named") else []
        with (self._folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen([*self._command, *named], stderr=log, stdout=log)

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        assert process.poll() is None, f"{name} exited unexpectedly"
        process.send_signal(signal.SIGKILL)
        process.wait()

    def oldest(self) -> str:
        """Returns the one that has run longest, so most likely has partitions."""
        return next(iter(self.running))

    def close(self) -> None:
        for name in list(self.running):
            self.kill(name)


@pytest.fixture
def workers(kafka_address: str, tmp_path: Path) -> Iterator[Workers]:
    made = Workers(kafka_address, f"kills-{uuid.uuid4().hex[:8]}.", tmp_path)
    yield made
    made.close()


class Committed:
    """What is committed in a topic, by partition."""

    def __init__(self, address: str, topic: str) -> None:
        self._consumer = Consumer(
            {"bootstrap.servers": address, "group.id": "none", "isolation.level": "read_committed"}
        )
        parts = self._consumer.list_topics(topic, timeout=10).topics[topic].partitions
        self._consumer.assign([TopicPartition(topic, part, 0) for part in parts])
        self.found: dict[int, list[bytes]] = {part: [] for part in parts}

    def read(self, seconds: float) -> int:
        """Reads until nothing has come for that long; returns how many records came."""
        came = 0
        while (message := self._consumer.poll(seconds)) is not None:
            assert message.error() is None
            self.found[message.partition()].append(message.value())
            came += 1
        return came

    def wait_for(self, count: int) -> None:
        """Reads until there are that many records and no more come for two seconds."""

        def there() -> bool:
            self.read(2)
            return sum(map(len, self.found.values())) >= count

        until(there, pause=0)

    def wait_for_more(self) -> None:
        """Reads until something comes."""
        until(lambda: self.read(0.02), pause=0)


def test_ten_kills_give_the_same_windows_once_each(kafka_address: str, workers: Workers) -> None:
    draw = random.Random(SEED)
    settings = LiquiditySettings(kafka=kafka_address, topic_prefix=workers.prefix)
    names = Topics.of(settings)
    kafka.ensure_topics(settings, [names.feed, names.liquidity, names.dead_letters])
    written = Committed(kafka_address, names.liquidity)
    letters = Committed(kafka_address, names.dead_letters)
    feed = Feed(kafka_address, names.feed, draw)
    feed.start()
    for name in ("named-1", "named-2"):
        workers.start(name)
    for turn in range(KILLS):
        # Kill where there is work: shortly after windows have been published again.
        written.wait_for_more()
        time.sleep(draw.uniform(0, 0.4))
        victim = workers.oldest() if draw.random() < 0.8 else draw.choice(sorted(workers.running))
        workers.kill(victim)
        # A named worker continues where it was; an unnamed one joins as new and takes its share; if
        # none joins, the others take over.
        if len(workers.running) == 0 or draw.random() < 0.8:
            workers.start(victim if draw.random() < 0.8 else f"nameless-{turn}")
    feed.stop()

    expected = [unharmed(log) for log in feed.logs]
    written.wait_for(sum(len(windows) for windows, _ in expected))
    for part, (windows, _) in enumerate(expected):
        assert written.found[part] == windows, f"partition {part}, seed {SEED}"
    letters.wait_for(sum(len(bad) for _, bad in expected))
    places = [
        decode_record(value, DeadLetter) for values in letters.found.values() for value in values
    ]
    assert sorted((letter.partition, letter.offset) for letter in places) == [
        (part, offset) for part, (_, bad) in enumerate(expected) for offset in bad
    ]
