"""Writes a partition's results together with its checkpoint."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from confluent_kafka import Producer, TopicPartition
from faust.types import TP

from tradebot.domain.checkpoint import Checkpoint
from tradebot.platform import kafka
from tradebot.platform.exactly_once import (
    TIMEOUT,
    GroupOffsets,
    Message,
    produce,
    transactional_producer,
)
from tradebot.platform.settings import StageSettings

Answer = TypeVar("Answer")
CommitPlace = Callable[[TP, int, str], Awaitable[None]]


class Output(Protocol):
    """Writes results; the last committed checkpoint is where to read on."""

    async def open(self) -> Checkpoint | None:
        """Takes over the partition; returns the last committed checkpoint."""

    async def write(self, messages: Sequence[Message], checkpoint: Checkpoint) -> None:
        """Writes the messages and the checkpoint durably."""


class TransactionalOutput:
    """Exactly once: messages and checkpoint in one transaction.

    The producer starts before the checkpoint is read: it ends the last owner's transaction and
    keeps it from committing afterwards. While a broker restarts, calls of librdkafka may outlast
    their timeout, so they run in their own thread. A thread that does not respond is abandoned with
    its producer; the next producer fences that one, which ends it.
    """

    def __init__(self, settings: StageSettings, offsets: GroupOffsets, group: str, tp: TP) -> None:
        self._settings = settings
        self._offsets = offsets
        self._tp = tp
        self._id = f"{group}-{tp.topic}-{tp.partition}"
        self._thread: ThreadPoolExecutor | None = None
        self._producer: Producer | None = None

    async def open(self) -> Checkpoint | None:
        """Fences the last owner, then reads its checkpoint.

        Raises:
            KafkaException: the broker did not respond.
            TimeoutError: the client did not respond.
        """
        if self._thread is not None:
            self._thread.shutdown(wait=False)
        self._thread = ThreadPoolExecutor(1, f"output-{self._tp.partition}")
        self._producer = None
        self._producer = await self._call(transactional_producer, self._settings, self._id)
        return await self._call(_committed, self._offsets, self._tp)

    async def write(self, messages: Sequence[Message], checkpoint: Checkpoint) -> None:
        """Writes both in one transaction.

        Raises:
            KafkaException: it is unknown whether it was written; call `open`.
            TimeoutError: the same; the client did not respond.
        """
        place = TopicPartition(*self._tp, checkpoint.offset, metadata=checkpoint.metadata)
        await self._call(self._offsets.write, self._producer, messages, place)

    async def _call(self, function: Callable[..., Answer], *arguments: Any) -> Answer:
        call = asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)
        try:
            async with asyncio.timeout(2 * TIMEOUT):
                return await call
        except TimeoutError:
            raise TimeoutError(f"the Kafka client did not respond for {2 * TIMEOUT:g} s") from None


class PlainOutput:
    """Writes messages, then the checkpoint; after a crash in between, the same messages again.

    For the embedded broker, which supports transactions but not the offsets sent in them.
    """

    def __init__(
        self, settings: StageSettings, offsets: GroupOffsets, commit: CommitPlace, tp: TP
    ) -> None:
        self._offsets = offsets
        self._commit = commit
        self._tp = tp
        self._producer = kafka.producer(settings)

    async def open(self) -> Checkpoint | None:
        """Returns the last committed checkpoint.

        Raises:
            KafkaException: the broker did not respond.
        """
        return await asyncio.to_thread(_committed, self._offsets, self._tp)

    async def write(self, messages: Sequence[Message], checkpoint: Checkpoint) -> None:
        """Waits for the messages' acknowledgement, then commits.

        Raises:
            KafkaException: a message was not written.
        """
        await asyncio.to_thread(self._write, messages)
        await self._commit(self._tp, checkpoint.offset, checkpoint.metadata)

    def _write(self, messages: Sequence[Message]) -> None:
        produce(self._producer, messages)
        left = self._producer.flush(TIMEOUT)
        if left:
            raise TimeoutError(f"{left} records were not written within {TIMEOUT:g} s")


def _committed(offsets: GroupOffsets, tp: TP) -> Checkpoint | None:
    found = offsets.committed(*tp)
    return None if found is None else Checkpoint(found.offset, found.metadata)
