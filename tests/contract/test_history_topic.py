"""The topic of minutes on a real broker: what forecasters and strategies start from."""

from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from tradebot.forecast import sources
from tradebot.forecast.messages import Forecasted, Request
from tradebot.forecast.modeller import Modeller
from tradebot.forecast.settings import ForecastSettings
from tradebot.history import topic
from tradebot.history.minutes import MINUTE
from tradebot.history.venue import HistoryUnavailableError
from tradebot.platform.kafka import ensure_topics, producer
from tradebot.platform.topics import CONFIG, MINUTES, Topics
from tradebot.records import MinuteRecord, encode

START = 1_700_006_400_000
ROWS = 500


def minute(number: int, price: float = 100.0) -> MinuteRecord:
    prices = (price, price, price, price)
    return MinuteRecord("BTCUSD", START + number * MINUTE, *prices, 1.0, price, 3.0, 2.0, 1.5, True)


@pytest.fixture
def settings(kafka_address: str, tmp_path: Path) -> ForecastSettings:
    """Those of a forecaster whose venue is away and whose folder is empty: its node died."""
    made = ForecastSettings(
        kafka=kafka_address,
        topic_prefix=f"{uuid4().hex[:8]}-",
        model="Drift",
        emulator_url="http://127.0.0.1:9",
        state_dir=str(tmp_path),
    )
    ensure_topics(made, [Topics.of(made).minutes], config=CONFIG[MINUTES])
    return made


def write(settings: ForecastSettings, records: list[MinuteRecord]) -> None:
    writing: Producer = producer(settings)
    where = topic.partition_of("BTCUSD", 4)
    for record in records:
        writing.produce(Topics.of(settings).minutes, encode(record), record.key, partition=where)
    writing.flush(30)


def test_a_symbols_minutes_are_read_once_each_in_order(settings: ForecastSettings) -> None:
    write(settings, [*map(minute, range(5)), minute(3, 7.0), minute(5)])
    found = topic.published(settings, "BTCUSD")
    assert found == list(map(minute, range(6)))


def test_a_false_minute_far_ahead_ends_nothing(settings: ForecastSettings) -> None:
    write(settings, [*map(minute, range(5)), minute(100_000_000), *map(minute, range(5, 8))])
    assert [each.start for each in topic.published(settings, "BTCUSD")] == [
        START + number * MINUTE for number in range(8)
    ]


def test_the_minutes_after_a_long_gap_are_believed_when_they_follow_each_other(
    settings: ForecastSettings,
) -> None:
    write(settings, [*map(minute, range(3)), *map(minute, range(600, 603))])
    assert len(topic.published(settings, "BTCUSD")) == 6


def test_a_model_whose_node_died_starts_from_the_topic_though_the_venue_is_away(
    settings: ForecastSettings,
) -> None:
    write(settings, [minute(number, 100.0 + number % 7) for number in range(ROWS)])
    modeller = Modeller(settings, sources.published(settings))
    started = modeller.start()
    assert (started.rows, started.history_end) == (ROWS, START + (ROWS - 1) * MINUTE)
    assert isinstance(modeller.work(Request([], 0)), Forecasted)


def test_without_minutes_a_venue_that_is_away_is_an_error(settings: ForecastSettings) -> None:
    with pytest.raises(HistoryUnavailableError):
        Modeller(settings, sources.published(settings)).start()
