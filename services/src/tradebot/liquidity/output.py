"""Where a partition's results go, together with its place in the feed."""

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
    """Writes results; what was committed last says where to read on."""

    async def open(self) -> Checkpoint | None:
        """Takes the partition over; returns what its last owner committed."""

    async def write(self, messages: Sequence[Message], checkpoint: Checkpoint) -> None:
        """Writes the messages and the checkpoint durably."""


class TransactionalOutput:
    """Exactly once: messages and checkpoint in one transaction.

    The producer starts before the checkpoint is read: it ends what the last owner had begun, and
    keeps it from committing anything afterwards. Calls of librdkafka may outlast the timeout that
    they are given when a broker restarts, so that they have a thread of their own, left behind
    with its producer when it does not respond: the next producer fences that one, which ends it.
    """

    def __init__(self, settings: StageSettings, offsets: GroupOffsets, group: str, tp: TP) -> None:
        self._settings = settings
        self._offsets = offsets
        self._tp = tp
        self._id = f"{group}-{tp.topic}-{tp.partition}"
        self._thread: ThreadPoolExecutor | None = None
        self._producer: Producer | None = None

    async def open(self) -> Checkpoint | None:
        """Fences the last owner, then reads what it committed.

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
        """One transaction.

        Raises:
            KafkaException: it is unknown whether it was written; `open` tells.
            TimeoutError: the same, the client did not respond.
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
    """Messages first, then the checkpoint: a crash in between writes them again, the same.

    For the embedded broker, which takes transactions but forgets the offsets sent in them.
    """

    def __init__(
        self, settings: StageSettings, offsets: GroupOffsets, commit: CommitPlace, tp: TP
    ) -> None:
        self._offsets = offsets
        self._commit = commit
        self._tp = tp
        self._producer = kafka.producer(settings)

    async def open(self) -> Checkpoint | None:
        """What was committed last.

        Raises:
            KafkaException: the broker did not respond.
        """
        return await asyncio.to_thread(_committed, self._offsets, self._tp)

    async def write(self, messages: Sequence[Message], checkpoint: Checkpoint) -> None:
        """Waits until the messages are there, then commits.

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
