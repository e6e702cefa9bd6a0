"""A model in a topic: written whole, read whole, or not at all."""

from collections.abc import Iterator

import msgspec
import pytest
from confluent_kafka import Producer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradebot.forecast.model_file import ModelCard
from tradebot.forecast.model_store import PART, TopicStore
from tradebot.forecast.settings import ForecastSettings
from tradebot.platform.embedded import EmbeddedBroker


def card(model: str = "Drift") -> ModelCard:
    return ModelCard(
        model=model, symbol="BTCUSD", parameters={}, history_start=1, history_end=2, rows=3,
        data_digest="d", code_version="v", fitted_at=4, fit_seconds=0.5,
    )  # fmt: skip


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    made = EmbeddedBroker(partitions=1)
    yield made
    made.close()


def store(broker: EmbeddedBroker, forecaster: str) -> TopicStore:
    return TopicStore(
        ForecastSettings(
            kafka=broker.address, kafka_embedded=True, model="Drift", forecaster=forecaster
        )
    )


def test_nothing_is_kept_before_the_first_model(broker: EmbeddedBroker) -> None:
    assert store(broker, "nobody").load() is None


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(0, 3 * PART), min_size=1, max_size=3))
def test_another_process_reads_the_newest_model_however_large_the_last_one_was(
    broker: EmbeddedBroker, sizes: list[int]
) -> None:
    kept, read = store(broker, "sizes"), store(broker, "sizes")
    for number, size in enumerate(sizes):
        state = bytes([number]) * size
        kept.save(msgspec.structs.replace(card(), fitted_at=number), state)
        assert read.load() == (msgspec.structs.replace(card(), fitted_at=number), state)


def test_forecasters_of_one_topic_keep_their_own_models(broker: EmbeddedBroker) -> None:
    store(broker, "one").save(card(), b"1")
    store(broker, "two").save(card(), b"2")
    found = store(broker, "one").load()
    assert found is not None and found[1] == b"1"


def test_a_model_with_a_part_that_is_missing_or_broken_counts_as_none(
    broker: EmbeddedBroker,
) -> None:
    kept = store(broker, "broken")
    kept.save(card(), b"x" * 2 * PART)
    producer = Producer({"bootstrap.servers": broker.address})
    producer.produce("models", b"{}\nnonsense", b"BTCUSD/Drift/broken/1", 0)
    producer.flush(10)
    assert kept.load() is not None, "what is not a part is skipped"
    found = msgspec.json.encode({"digest": "d" * 64, "parts": 2, "part": 0})
    producer.produce("models", found + b"\nhalf", b"BTCUSD/Drift/broken/0", 0)
    producer.flush(10)
    assert kept.load() is None
