"""Faust's consumer, made to hand over a whole fetch of a partition as one event.

A plain Faust agent spends its time on each message, not on its JSON. Faust's scheduler and schema
are the two places where it lets a caller choose what a message is.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.transport.utils import DefaultSchedulingStrategy
from faust.types import TP


class Fetch(NamedTuple):
    """The records of one fetch of one partition.

    `serial` rises from fetch to fetch, so that what was fetched before a seek is told from what
    came after.
    """

    tp: TP
    serial: int
    records: list[ConsumerRecord]


class _FetchRecord:
    """A fetch in the place of a single record; its offset is the last one's."""

    timestamp = timestamp_type = key = checksum = None
    headers = ()
    serialized_key_size = serialized_value_size = 0

    def __init__(self, fetch: Fetch) -> None:
        self.topic, self.partition = fetch.tp
        self.offset = fetch.records[-1].offset
        self.value = fetch


class FetchScheduler(DefaultSchedulingStrategy):
    """Delivers a fetch of a partition as one event."""

    serial = 0
    """The last fetch's, of all consumers in this process."""

    def iterate(self, records: Mapping[TP, list[ConsumerRecord]]) -> Iterator[tuple[TP, Any]]:
        """One `Fetch` a partition."""
        for tp, fetched in records.items():
            if fetched:
                FetchScheduler.serial += 1
                yield tp, _FetchRecord(Fetch(tp, FetchScheduler.serial, fetched))


class FetchSchema(faust.Schema[Any, Any]):
    """Hands a `Fetch` through as it is."""

    def loads_key(self, app: Any, message: Any, **_codec: Any) -> Any:
        """The key, untouched."""
        return message.key

    def loads_value(self, app: Any, message: Any, **_codec: Any) -> Any:
        """The fetch, untouched."""
        return message.value


class _Thread(driver.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        # Faust asks for committed records only where it makes transactions itself.
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        if transport.fetch_wait_ms is not None:
            consumer._fetch_max_wait_ms = transport.fetch_wait_ms
        return consumer


class FeedConsumer(driver.Consumer):
    """Faust's consumer; only its own thread talks to the broker, and seeks and commits there."""

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def seek_place(self, tp: TP, offset: int) -> None:
        """Reads on from `offset`.

        Raises:
            aiokafka.errors.KafkaError: the partition is not this worker's any more.
        """
        await self.seek_wait({tp: offset})

    async def commit_place(self, tp: TP, offset: int, metadata: str) -> None:
        """Commits as a member of the group, with metadata.

        Raises:
            aiokafka.errors.KafkaError: the broker refused it, or did not answer.
        """
        place = {TopicPartition(tp.topic, tp.partition): OffsetAndMetadata(offset, metadata)}
        await self._thread.call_thread(self._thread._ensure_consumer().commit, place)


class Transport(driver.Transport):
    """Faust's aiokafka transport, reading committed records only."""

    Consumer = FeedConsumer
    fetch_wait_ms: int | None = None
    """How long the broker may hold a fetch that finds nothing; Faust's 1.5 s if not given."""
