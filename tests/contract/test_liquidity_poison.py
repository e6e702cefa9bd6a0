"""The liquidity stage on a real broker, with records that were made to stop it."""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tradebot.platform import kafka
from tradebot.platform.settings import StageSettings
from tradebot.platform.topics import Topics
from tradebot.records import DeadLetter, FeedRecord, LiquidityRecord, decode, encode

pytestmark = pytest.mark.kafka

START = 1_602_770_040_000


def change(at: int, seq: int) -> bytes:
    return encode(FeedRecord("bid", "2.0", "3", "BTCUSD", START + at, "place", seq))


POISON = [
    b"\xff" * 900_000,
    b"\0" * 900_000,
    change(1, 1).replace(b'"seq":1', b'"seq":' + b"9" * 4000),
    change(1, 1)[:-1] + b',"more":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    change(1, 1).replace(b"BTCUSD", b"\\u0001" * 100_000),
    change(1, 1).replace(b"BTCUSD", b"\xff"),
]


@contextmanager
def worker(settings: StageSettings) -> Iterator[None]:
    command = [sys.executable, "-m", "tradebot", "liquidity", "--kafka", settings.kafka]
    command += ["--topic-prefix", settings.topic_prefix, "--http-port", "0"]
    process = subprocess.Popen(command)
    try:
        yield
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_records_that_were_made_to_stop_it_cost_themselves_alone(kafka_address: str) -> None:
    prefix = f"poison-{uuid.uuid4().hex[:8]}."
    settings = StageSettings(kafka=kafka_address, topic_prefix=prefix)
    topics = Topics.of(settings)
    kafka.ensure_topics(settings, [topics.feed, topics.liquidity, topics.dead_letters])
    producer = kafka.producer(settings)
    values = [change(0, 0), *POISON, change(2, 1), change(60_000, 2), change(121_000, 3)]
    for value in values:
        producer.produce(topics.feed, value, "BTCUSD")
    assert producer.flush(30) == 0
    reader = kafka.consumer(settings, f"{prefix}test")
    reader.subscribe([topics.liquidity, topics.dead_letters])
    windows: list[LiquidityRecord] = []
    letters: list[DeadLetter] = []
    with worker(settings):
        while len(windows) < 6 or len(letters) < len(POISON):
            message = reader.poll(60)
            assert message is not None, (windows, letters)
            if message.topic() == topics.liquidity:
                windows.append(decode(message.value() or b"", LiquidityRecord))
            elif message.error() is None:
                letters.append(decode(message.value() or b"", DeadLetter))
    reader.close()
    assert [(w.type, w.events, w.complete) for w in windows[:3]] == [
        ("ask", 2, False),
        ("bid", 2, False),
        ("price_volume", 2, False),
    ]
    assert sorted(letter.offset for letter in letters) == [1, 2, 3, 4, 5, 6]
