"""Where a partition's results go, together with its place in the feed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from confluent_kafka import Producer, TopicPartition
from faust.types import TP

from tradebot.domain.window import Checkpoint
from tradebot.platform import kafka
from tradebot.platform.exactly_once import (
    TIMEOUT,
    GroupOffsets,
    Message,
    produce,
    transactional_producer,
)
from tradebot.platform.settings import StageSettings

CommitPlace = Callable[[TP, int, str], Awaitable[None]]


class Output(Protocol):
    """Writes results; what was committed last says where to read on."""

    async def open(self) -> Checkpoint | None:
        """Takes the partition over; answers what its last owner committed."""

    async def write(self, messages: Sequence[Message], checkpoint: Checkpoint) -> None:
        """Writes the messages and the checkpoint durably."""


class TransactionalOutput:
    """Exactly once: messages and checkpoint in one transaction.

    The producer starts before the checkpoint is read: it ends what the last owner had begun, and
    keeps it from committing anything afterwards.
    """

    def __init__(self, settings: StageSettings, offsets: GroupOffsets, group: str, tp: TP) -> None:
        self._settings = settings
        self._offsets = offsets
        self._tp = tp
        self._id = f"{group}-{tp.topic}-{tp.partition}"
        self._producer: Producer | None = None

    async def open(self) -> Checkpoint | None:
        """Fences the last owner, then reads what it committed.

        Raises:
            KafkaException: the broker did not answer.
        """
        return await asyncio.to_thread(self._open)

    def _open(self) -> Checkpoint | None:
        self._producer = None
        self._producer = transactional_producer(self._settings, self._id)
        return _committed(self._offsets, self._tp)

    async def write(self, messages: Sequence[Message], checkpoint: Checkpoint) -> None:
        """One transaction.

        Raises:
            KafkaException: it is unknown whether it was written; `open` tells.
        """
        await asyncio.to_thread(self._write, messages, checkpoint)

    def _write(self, messages: Sequence[Message], checkpoint: Checkpoint) -> None:
        assert self._producer is not None
        place = TopicPartition(*self._tp, checkpoint.offset, metadata=checkpoint.metadata)
        self._offsets.write(self._producer, messages, place)


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
            KafkaException: the broker did not answer.
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
