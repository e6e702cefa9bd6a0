"""Sends documents to Kafka, and tracks up to which journal entry all have arrived."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol

from confluent_kafka import KafkaError, Message, Producer

from tradebot import records
from tradebot.records import Document


class Publisher(Protocol):
    """Sends documents."""

    def send(self, documents: Sequence[Document], number: int = 0) -> None:
        """Sends documents; `number` is the journal entry that carries them, 0 if none."""
        ...

    def delivered(self, last: int) -> int:
        """Returns the highest entry up to `last` with all documents up to it delivered."""
        ...

    async def flush(self) -> None:
        """Waits until everything sent has been delivered."""
        ...


class KafkaPublisher:
    """Uses the document's id as key, so that its states stay in order.

    Args:
        producer: without a delivery timeout, so that an absent broker only delays.
    """

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer = producer
        self._topic = topic
        self._waiting: dict[int, int] = {}
        self._failed: list[str] = []

    def send(self, documents: Sequence[Document], number: int = 0) -> None:
        """See `Publisher`."""
        for document in documents:
            self._waiting[number] = self._waiting.get(number, 0) + 1
            self._producer.produce(
                self._topic,
                key=document.id.encode(),
                value=records.encode(document),
                on_delivery=partial(self._done, number),
            )
        self._producer.poll(0)

    def _done(self, number: int, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failed.append(str(error))
            return
        left = self._waiting[number] - 1
        if left:
            self._waiting[number] = left
        else:
            del self._waiting[number]

    def delivered(self, last: int) -> int:
        """See `Publisher`."""
        self._producer.poll(0)
        waiting = [number for number in list(self._waiting) if number]
        return min(waiting) - 1 if waiting else last

    async def flush(self) -> None:
        """See `Publisher`.

        Raises:
            RuntimeError: the broker refused a document permanently, such as one that is too large.
        """
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, self._flush_for, 1.0):
            self._check()
        self._check()

    def _flush_for(self, seconds: float) -> Any:
        return self._producer.flush(seconds)

    def _check(self) -> None:
        if self._failed:
            raise RuntimeError(f"a document could not be delivered: {self._failed[0]}")


class UnsentDocuments:
    """Sends nothing: the next trader sends what the journal's entries carry."""

    def send(self, documents: Sequence[Document], number: int = 0) -> None:
        """Nothing goes out."""

    def delivered(self, last: int) -> int:
        """Nothing was delivered."""
        return 0

    async def flush(self) -> None:
        """Nothing to wait for."""
