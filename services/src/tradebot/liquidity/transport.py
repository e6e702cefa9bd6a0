"""Faust's consumer, changed to pass on a partition's whole fetch as one event.

A plain Faust agent spends its time on each message rather than on its JSON. Faust's scheduler and
schema are the two places where a caller can choose what a message is.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.transport.utils import DefaultSchedulingStrategy
from faust.types import TP


class Fetch(NamedTuple):
    """The records of one fetch of one partition.

    `serial` rises with each fetch. It distinguishes fetches from before and after a seek.
    """

    tp: TP
    serial: int
    records: list[ConsumerRecord]


class _FetchRecord:
    """A fetch in place of a single record; its offset is the last record's."""

    timestamp = timestamp_type = key = checksum = None
    headers = ()
    serialized_key_size = serialized_value_size = 0

    def __init__(self, fetch: Fetch) -> None:
        self.topic, self.partition = fetch.tp
        self.offset = fetch.records[-1].offset
        self.value = fetch


class FetchScheduler(DefaultSchedulingStrategy):
    """Delivers a partition's fetch as one event."""

    serial = 0
    """Number of the last fetch, across all consumers of this process."""

    def iterate(self, records: Mapping[TP, list[ConsumerRecord]]) -> Iterator[tuple[TP, Any]]:
        """Yields one `Fetch` per partition."""
        for tp, fetched in records.items():
            if fetched:
                FetchScheduler.serial += 1
                yield tp, _FetchRecord(Fetch(tp, FetchScheduler.serial, fetched))


class FetchSchema(faust.Schema[Any, Any]):
    """Passes a `Fetch` through unchanged."""

    def loads_key(self, app: Any, message: Any, **_codec: Any) -> Any:
        """Returns the key unchanged."""
        return message.key

    def loads_value(self, app: Any, message: Any, **_codec: Any) -> Any:
        """Returns the fetch unchanged."""
        return message.value


class CoordinatorEndedError(Exception):
    """The client's task that keeps it in its group has ended; it does not restart."""


class _Thread(driver.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        """Builds Faust's consumer, but with committed reads and a configurable fetch wait.

        Faust itself reads only committed records if it makes transactions.
        """
        conf = self.app.conf
        return AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset=conf.consumer_auto_offset_reset,
            max_poll_interval_ms=int((conf.broker_max_poll_interval or 0) * 1000),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=transport.fetch_wait_ms,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            isolation_level="read_committed",
            **driver.credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
        )

    async def held_back(self) -> Exception | None:
        # Private to aiokafka; tests/contract/test_liquidity_membership.py says what to do if it
        # is gone.
        coordinator = getattr(self._consumer, "_coordinator", None)
        if coordinator is None:
            return None
        try:
            coordinator.check_errors()
        except Exception as error:
            if coordinator._coordination_task.done():
                raise CoordinatorEndedError(repr(error.__cause__ or error)) from error
            return error
        if coordinator._coordination_task.done() and not coordinator._closing.done():
            raise CoordinatorEndedError("without a reason")
        return None


class FeedConsumer(driver.Consumer):
    """Faust's consumer; it seeks and commits on its own thread, as the client requires."""

    _thread: _Thread

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def held_back(self) -> Exception | None:
        """Returns the error that keeps this worker from its group, so that the client retries.

        Raises:
            CoordinatorEndedError: the client will never retry.
        """
        answer: Exception | None = await self._thread.call_thread(self._thread.held_back)
        return answer

    def member_id(self) -> str | None:
        """This worker's id in the group, once it has joined."""
        name: str = self._thread._ensure_consumer()._coordinator.member_id
        return name or None

    async def seek_place(self, tp: TP, offset: int) -> None:
        """Reads on from `offset`.

        Raises:
            aiokafka.errors.KafkaError: the partition is no longer this worker's.
        """
        await self.seek_wait({tp: offset})

    async def commit_place(self, tp: TP, offset: int, metadata: str) -> None:
        """Commits as a member of the group, with metadata.

        Raises:
            aiokafka.errors.KafkaError: the broker refused it, or did not respond.
        """
        place = {TopicPartition(tp.topic, tp.partition): OffsetAndMetadata(offset, metadata)}
        await self._thread.call_thread(self._thread._ensure_consumer().commit, place)


class Transport(driver.Transport):
    """Faust's aiokafka transport, reading committed records only."""

    Consumer = FeedConsumer
    fetch_wait_ms = 1500
    """How long the broker may delay a fetch that finds nothing."""
