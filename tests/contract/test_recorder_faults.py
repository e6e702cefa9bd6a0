"""The recorder on a real broker: no offset is committed before its effect is durable."""

import threading
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from line.day import TradingDay
from line.topics import configure
from msgspec.structs import astuple
from waiting.conditions import until

from tradebot.platform import kafka
from tradebot.platform.health import Readiness
from tradebot.platform.sqlite_store import SqliteStore
from tradebot.platform.stage import ensure_topics
from tradebot.platform.store import Refusal, StoredDocument, StoreUnavailableError
from tradebot.platform.topic import read_topic
from tradebot.platform.topics import Topics
from tradebot.recorder import STAGE
from tradebot.recorder.settings import RecorderSettings
from tradebot.recorder.stage import Recorder
from tradebot.records import DeadLetter, DocType, Document, LiquidityRecord, decode, encode

pytestmark = pytest.mark.kafka

SECONDS = 60.0
"""Time limit of waits on a busy machine."""


class Gate:
    """A store in one file that accepts nothing before it is opened."""

    def __init__(self, path: Path) -> None:
        self.opened = threading.Event()
        self.asked = threading.Event()
        self._store = SqliteStore(path)

    def set_up(self, replicas: int) -> None:
        """Does nothing."""

    def write(self, documents: Sequence[StoredDocument]) -> list[Refusal]:
        self.asked.set()
        if not self.opened.is_set():
            raise StoreUnavailableError("the gate is shut")
        return self._store.write(documents)

    def latest(
        self, doc_type: DocType, limit: int, *, bot: str | None = None, symbol: str | None = None
    ) -> list[dict[str, Any]]:
        return self._store.latest(doc_type, limit, bot=bot, symbol=symbol)

    def find(self, field: Literal["_id", "decision_id"], value: str) -> list[dict[str, Any]]:
        return self._store.find(field, value)

    def prune(self, retention_days: int) -> int:
        return 0

    def close(self) -> None:
        self._store.close()


class Line:
    """A recorder in a thread, its topics and its store."""

    def __init__(self, address: str, folder: Path) -> None:
        prefix = f"recorder-{uuid.uuid4().hex[:8]}-"
        self.settings = RecorderSettings(kafka=address, topic_prefix=prefix, group=prefix)
        self.topics = Topics.of(self.settings)
        self.readiness = Readiness("recorder")
        self.store = Gate(folder / "documents.sqlite")
        self.admin = AdminClient(kafka.client_config(self.settings))
        self._producer = kafka.producer(self.settings, **{"message.max.bytes": 2_000_000})
        ensure_topics(STAGE, self.settings)
        self._recorder = Recorder(self.settings, self.store, self.readiness)
        self._thread = threading.Thread(target=self._recorder.run)

    def start(self) -> None:
        self._thread.start()

    def send(self, topic: str, values: list[bytes], partition: int = 0) -> None:
        for value in values:
            self._producer.produce(topic, value, partition=partition)
        assert self._producer.flush(SECONDS) == 0

    def committed(self, topic: str) -> list[int]:
        """Returns the group's offset of each partition; below 0 if there is none."""
        reader = kafka.consumer(self.settings, self.settings.group)
        places = [TopicPartition(topic, number) for number in range(kafka.PARTITIONS)]
        found = [place.offset for place in reader.committed(places, timeout=SECONDS)]
        reader.close()
        return found

    def most_bytes(self, topic: str, most: int) -> None:
        """Sets the largest batch that the topic accepts."""
        configure(self.settings, topic, "max.message.bytes", str(most))

    def alive(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        self._recorder.stop()
        if self._thread.ident is not None:
            self._thread.join(SECONDS)
        self.store.close()
        self.admin.delete_topics(list(astuple(self.topics)))


@pytest.fixture
def line(kafka_address: str, tmp_path: Path) -> Iterator[Line]:
    line = Line(kafka_address, tmp_path)
    yield line
    line.close()


def an_order() -> Document:
    day = TradingDay(steps=2)
    return next(
        document
        for _, _, documents in day.minutes(60)
        for document in documents
        if document.doc_type == DocType.ORDER
    )


def test_of_two_states_of_an_order_in_one_batch_the_newer_stays(line: Line) -> None:
    old = an_order()
    new = msgspec.structs.replace(old, ts=old.ts + 1, body=old.body | {"state": "cancelled"})
    line.store.opened.set()
    line.send(line.topics.documents, [encode(new), encode(old)])
    line.start()
    until(lambda: bool(line.store.latest(DocType.ORDER, 9)))
    (stored,) = line.store.latest(DocType.ORDER, 9)
    assert stored["state"] == "cancelled"


@pytest.mark.parametrize(
    "poison",
    [b"\xff" * 1_000_000, b'{"id":' + b"[" * 100_000, b'{"id":"\xff"}'],
    ids=["a million bytes", "brackets without end", "a string that is no UTF-8"],
)
def test_any_bad_record_in_its_topics_becomes_a_dead_letter_and_stops_nothing(
    line: Line, poison: bytes
) -> None:
    topics = (line.topics.documents, line.topics.liquidity, line.topics.forecasts)
    line.store.opened.set()
    for topic in topics:
        line.most_bytes(topic, 2_000_000)
        line.send(topic, [poison])
    far = LiquidityRecord("ask", 1.0, 10**30, "BTCUSD")
    window = [msgspec.structs.replace(far, type=t) for t in ("ask", "bid", "price_volume")]
    line.send(line.topics.liquidity, [encode(record) for record in window])
    line.send(line.topics.documents, [encode(an_order())])
    line.start()
    until(lambda: bool(line.store.latest(DocType.ORDER, 9)))
    until(lambda: line.committed(line.topics.liquidity)[0] == 4)
    letters = [
        decode(value, DeadLetter) for value in read_topic(line.settings, line.topics.dead_letters)
    ]
    assert [letters.count(letter) for letter in letters] == [1] * 6
    assert {letter.topic for letter in letters} == set(topics)


def test_an_offset_waits_until_its_dead_letter_is_there(line: Line) -> None:
    line.store.opened.set()
    line.most_bytes(line.topics.dead_letters, 100)
    line.send(line.topics.documents, [b"no document"])
    line.start()
    until(lambda: "dead-letters" in line.readiness.reasons())
    assert line.committed(line.topics.documents)[0] < 0
    line.most_bytes(line.topics.dead_letters, 100_000)
    until(lambda: line.committed(line.topics.documents)[0] == 1)
    assert "dead-letters" not in line.readiness.reasons()
    assert len(read_topic(line.settings, line.topics.dead_letters)) == 1


def test_a_partition_that_goes_to_another_recorder_is_not_committed_past_its_open_window(
    line: Line,
) -> None:
    for partition in range(kafka.PARTITIONS):
        parts = [LiquidityRecord(t, 1.0, 1_602_770_100, f"S{partition}") for t in ("ask", "bid")]
        line.send(line.topics.liquidity, [encode(part) for part in parts], partition)
        line.send(line.topics.documents, [encode(an_order())], partition)
    line.start()
    until(line.store.asked.is_set)
    other = kafka.consumer(line.settings, line.settings.group)
    other.subscribe([line.topics.documents, line.topics.liquidity, line.topics.forecasts])

    def joined() -> bool:
        other.poll(0.1)
        return bool(other.assignment())

    until(joined)
    line.store.opened.set()
    until(lambda: max(line.committed(line.topics.documents)) == 1)
    other.close()
    assert max(line.committed(line.topics.liquidity)) <= 0
    assert line.alive()
