"""On a real broker: poison put in anywhere changes nothing but itself."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from line import poison
from line.liquidity import liquidity
from line.topics import keep_old_records
from line.trader import MINUTE, TraderLine

from tradebot.platform import kafka
from tradebot.platform.settings import StageSettings
from tradebot.platform.topic import read_topic
from tradebot.platform.topics import Topics
from tradebot.records import DeadLetter, FeedRecord, ForecastRecord, decode, encode

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

START = 1_602_770_040_000
SECONDS = 400
"""Length of the feed: six whole windows."""
LAST = 300
"""No poison after this second, so that the records after it tell what was poison."""
FEW = settings(
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # an example takes half a minute: a failure is not made smaller
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def change(second: int) -> bytes:
    side, price = "bid" if second % 3 else "ask", f"{100 + second % 7}.5"
    record = FeedRecord(side, price, "3", "BTCUSD", START + second * 1000, "place", second)  # type: ignore[arg-type]
    return encode(record)


GOOD = [change(second) for second in range(SECONDS)]
BAD = [*poison.feed(START + 60_000), b"\xff" * 100_000, b"{}]}", GOOD[1][:-1] + b',"more":[{}']


def windows_of(
    address: str, feed: Sequence[bytes], letters: int
) -> tuple[list[bytes], list[DeadLetter]]:
    """What liquidity makes of a feed: the bytes of its windows, and its dead letters."""
    found = StageSettings(kafka=address, topic_prefix=f"any-{uuid.uuid4().hex[:8]}.")
    topics = Topics.of(found)
    kafka.ensure_topics(found, [topics.feed, topics.liquidity, topics.dead_letters])
    keep_old_records(found, topics.feed)
    producer = kafka.producer(found)
    for number, value in enumerate(feed):
        producer.produce(topics.feed, value, "BTCUSD", timestamp=START + number)
    assert producer.flush(30) == 0
    reader = kafka.consumer(found, f"{found.topic_prefix}test")
    reader.subscribe([topics.liquidity, topics.dead_letters])
    windows: list[bytes] = []
    aside: list[DeadLetter] = []
    with liquidity(found):
        while len(windows) < 3 * (SECONDS // 60) or len(aside) < letters:
            message = reader.poll(120)
            assert message is not None, (len(windows), len(aside), letters)
            if message.topic() == topics.liquidity:
                windows.append(message.value() or b"")
            elif message.error() is None:
                aside.append(decode(message.value() or b"", DeadLetter))
    reader.close()
    return windows, aside


@pytest.fixture(scope="module")
def clean(kafka_address: str) -> list[bytes]:
    return windows_of(kafka_address, GOOD, 0)[0]


@settings(FEW, max_examples=4)
@given(
    st.dictionaries(
        st.integers(0, LAST),
        st.lists(st.sampled_from(range(len(BAD))), min_size=1, max_size=4),
        min_size=1,
        max_size=12,
    )
)
def test_liquiditys_windows_are_byte_for_byte_those_of_the_good_records(
    kafka_address: str, clean: list[bytes], chosen: dict[int, list[int]]
) -> None:
    feed: list[bytes] = []
    bad: list[int] = []
    for second, value in enumerate(GOOD):
        for which in chosen.get(second, []):
            bad.append(len(feed))
            feed.append(BAD[which])
        feed.append(value)
    windows, letters = windows_of(kafka_address, feed, len(bad))
    assert windows == clean
    assert sorted(letter.offset for letter in letters) == bad
    assert all(letter.error for letter in letters)


KINDS = ("windows", "forecasts")


@settings(FEW, max_examples=2)
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 40)), min_size=8, max_size=30))
def test_a_trader_decides_on_each_good_window_whatever_poison_comes_between(
    kafka_address: str, chosen: list[tuple[str, int]]
) -> None:
    with (
        TemporaryDirectory() as folder,
        TraderLine(Path(folder), speed=60, kafka=kafka_address) as line,
    ):
        line.start()
        line.wait(lambda: len(line.of_kind("decision")) >= 1)
        now = line.exchange_time()
        good = ForecastRecord(
            "BTCUSD", "FastProphet", "poisoned", now, now, now, MINUTE, [9.3] * 60, [], []
        )
        values = {"windows": poison.windows(now), "forecasts": poison.forecasts(good)}
        topics = {"windows": line.topics.liquidity, "forecasts": line.topics.forecasts}
        for kind, which in chosen:
            value = values[kind][which % len(values[kind])]
            line._producer.produce(topics[kind], value, key=b"BTCUSD")
        line._producer.flush(30)
        before = len(line.of_kind("decision"))
        line.wait(lambda: len(line.of_kind("decision")) >= before + 2)
        ends = sorted(one["body"]["window_end"] for one in line.of_kind("decision"))
        assert ends == list(range(ends[0], ends[-1] + 1, MINUTE)), "each window, and no other"
        assert {one["body"]["digest"] for one in line.of_kind("decision")} <= {"wave", ""}
        line.wait(lambda: len(places_of_letters(line)) >= len(chosen))
        assert len(places_of_letters(line)) == len(chosen), "each once by its place"


def places_of_letters(line: TraderLine) -> set[tuple[str, int, int]]:
    """Where the records lay that are dead letters now."""
    values = read_topic(line.settings, line.topics.dead_letters)
    letters = [decode(value, DeadLetter) for value in values]
    return {(one.topic, one.partition, one.offset) for one in letters}
