"""Producers and consumers against the embedded broker, and a real one."""

import uuid
from collections.abc import Iterator
from typing import ClassVar

import msgspec
import pytest
from waiting.conditions import until

from tradebot.platform import kafka
from tradebot.platform.embedded import EmbeddedBroker
from tradebot.platform.kafka import (
    KafkaUnreachableError,
    consumer,
    ensure_topics,
    producer,
    wait_for_broker,
)
from tradebot.platform.settings import StageSettings
from tradebot.platform.topics import Topics


@pytest.fixture
def embedded() -> Iterator[StageSettings]:
    broker = EmbeddedBroker()
    yield StageSettings(kafka=broker.address, kafka_embedded=True)
    broker.close()


def _round_trip(settings: StageSettings) -> bytes:
    topic = Topics.of(settings).feed
    ensure_topics(settings, [topic])
    sender = producer(settings)
    sender.produce(topic, b"hello", key="BTCUSD")
    assert sender.flush(10) == 0
    reader = consumer(settings, "reader")
    reader.subscribe([topic])
    message = reader.poll(20)
    reader.close()
    assert message is not None and message.error() is None
    value = message.value()
    assert isinstance(value, bytes)
    return value


def test_a_record_crosses_the_embedded_broker(embedded: StageSettings) -> None:
    assert _round_trip(embedded) == b"hello"


@pytest.mark.kafka
def test_a_record_crosses_a_real_broker_on_a_topic_with_partitions(kafka_address: str) -> None:
    settings = StageSettings(kafka=kafka_address, topic_prefix=f"t{uuid.uuid4().hex[:8]}-")
    assert _round_trip(settings) == b"hello"


def test_a_prefix_precedes_every_topic() -> None:
    topics = Topics.of(StageSettings(topic_prefix="blue-"))
    assert all(name.startswith("blue-") for name in msgspec.structs.astuple(topics))


def test_a_dead_broker_is_named_with_what_to_do() -> None:
    with pytest.raises(KafkaUnreachableError, match=r"127\.0\.0\.1:1 \(.*\): start one.*--kafka"):
        wait_for_broker(StageSettings(kafka="127.0.0.1:1"), seconds=1)


def test_an_absent_broker_is_logged_at_intervals_and_not_at_each_try(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Log:
        told: ClassVar[list[str]] = []

        def warning(self, _event: str, why: str) -> None:
            self.told.append(why)

    monkeypatch.setattr(kafka, "log", Log())
    reader = consumer(StageSettings(kafka="127.0.0.1:1"), "reader")
    reader.subscribe(["gemini-feed"])

    def refused() -> bool:
        reader.poll(0.1)
        return any("refused" in why for why in Log.told)

    until(refused, pause=0)
    for _ in range(40):  # the client keeps trying, and reports each try
        reader.poll(0.1)
    reader.close()
    assert len(Log.told) <= 3  # errors of different kinds
    assert "rdkafka" not in capfd.readouterr().err
