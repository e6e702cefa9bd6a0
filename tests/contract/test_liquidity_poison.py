"""The liquidity stage on a real broker, with records meant to stop it."""

import uuid

import pytest
from line.liquidity import liquidity
from line.topics import keep_old_records

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
    change(9 * 60_000, 1),
    change(365 * 86_400_000, 1),
    change(1, 1).replace(b"BTCUSD", b"ETHUSD"),
    change(1, 1)[:-1] + b',"more":[{}',
    b"{}",
    b"{}]}",
]


def test_records_that_were_made_to_stop_it_cost_themselves_alone(kafka_address: str) -> None:
    prefix = f"poison-{uuid.uuid4().hex[:8]}."
    settings = StageSettings(kafka=kafka_address, topic_prefix=prefix)
    topics = Topics.of(settings)
    kafka.ensure_topics(settings, [topics.feed, topics.liquidity, topics.dead_letters])
    producer = kafka.producer(settings)
    values = [change(0, 0), change(1000, 1), *POISON, change(2000, 2), change(60_000, 3)]
    values += [change(120_000, 4), change(121_000, 5)]
    for value in values:
        producer.produce(topics.feed, value, "BTCUSD")
    assert producer.flush(30) == 0
    reader = kafka.consumer(settings, f"{prefix}test")
    reader.subscribe([topics.liquidity, topics.dead_letters])
    windows: list[LiquidityRecord] = []
    letters: list[DeadLetter] = []
    with liquidity(settings):
        while len(windows) < 6 or len(letters) < len(POISON):
            message = reader.poll(60)
            assert message is not None, (windows, letters)
            if message.topic() == topics.liquidity:
                windows.append(decode(message.value() or b"", LiquidityRecord))
            elif message.error() is None:
                letters.append(decode(message.value() or b"", DeadLetter))
    reader.close()
    assert [(w.type, w.events, w.complete) for w in windows[:3]] == [
        ("ask", 3, False),
        ("bid", 3, False),
        ("price_volume", 3, False),
    ]
    assert sorted(letter.offset for letter in letters) == list(range(2, 2 + len(POISON)))


def test_the_report_s_three_field_records_make_windows(kafka_address: str) -> None:
    """Symbol from the key, time from Kafka's timestamp."""
    prefix = f"three-{uuid.uuid4().hex[:8]}."
    settings = StageSettings(kafka=kafka_address, topic_prefix=prefix)
    topics = Topics.of(settings)
    kafka.ensure_topics(settings, [topics.feed, topics.liquidity, topics.dead_letters])
    keep_old_records(settings, topics.feed)
    producer = kafka.producer(settings)
    for second in range(122):
        side = b"bid" if second % 2 else b"ask"
        value = b'{"side":"%s","price":"11412.68","remaining":"0.5"}' % side
        producer.produce(topics.feed, value, "BTCUSD", timestamp=START + second * 1000)
    assert producer.flush(30) == 0
    reader = kafka.consumer(settings, f"{prefix}test")
    reader.subscribe([topics.liquidity])
    windows: list[LiquidityRecord] = []
    with liquidity(settings):
        while len(windows) < 6:
            message = reader.poll(60)
            assert message is not None, windows
            windows.append(decode(message.value() or b"", LiquidityRecord))
    reader.close()
    assert {window.symbol for window in windows} == {"BTCUSD"}
    ratios = [w for w in windows if w.type == "price_volume"]
    assert [(w.window_end - START, w.events, w.value, w.complete) for w in ratios] == [
        (60_000, 60, 1.0, False),
        (120_000, 60, 1.0, True),
    ]
