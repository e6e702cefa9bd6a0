"""The journal's home in a cluster: a topic of one partition for each bot.

An entry is durable when all in-sync replicas have it. A snapshot keeps the topic short: the entries
before it are deleted, but only if this trader read or wrote every one of them. A trader that has
lost its lease sees its successor's entries as a gap in the offsets of its own, and deletes nothing.
"""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from tradebot.platform import logs
from tradebot.platform.kafka import client_config, ensure_topics, producer
from tradebot.platform.settings import StageSettings
from tradebot.trader.journal.entries import Entry
from tradebot.trader.journal.store import JournalError, encode
from tradebot.trader.journal.topic_reader import TopicReader
from tradebot.trader.journal.topic_settings import CREATED, LARGEST_BYTES, check_topic

DELETE_SECONDS: Final = 10.0

_log = logs.get(__name__)


class TooLargeEntryError(JournalError):
    """The brokers take no entry of this size; nothing was written."""


class KafkaJournal:
    """A bot's entries in a topic of its own; see `tradebot.trader.journal.store.Journal`.

    Args:
        patience: seconds for the brokers to confirm an entry.

    Raises:
        SettingsError: the topic is missing and cannot be created.
        UnusableJournalError: the topic's settings can lose entries.
        JournalError: the brokers do not respond.
    """

    def __init__(
        self, settings: StageSettings, topic: str, bot: str, patience: float = 10.0
    ) -> None:
        ensure_topics(settings, [topic], partitions=1, config=CREATED)
        if not settings.kafka_embedded:
            check_topic(settings, topic)
        self._settings = settings
        self._topic = topic
        self._bot = bot.encode()
        self._reader = TopicReader(settings, topic, bot)
        self._next = -1
        """The offset of this trader's next entry, if nobody else writes; -1 before it has read."""
        self._patience = patience
        # Late is as bad as never: after a failure, what an entry announces is not done.
        timeout = int(patience * 1000)
        self._producer = producer(
            settings,
            **{
                "linger.ms": 0,
                "message.timeout.ms": timeout,
                "message.max.bytes": LARGEST_BYTES,
            },
        )

    def read(self) -> Iterator[Entry]:
        """See `Journal`."""
        yield from self._reader.entries()
        self._next = self._reader.next_offset

    def follow(self) -> Iterator[Entry]:
        """See `Journal`."""
        yield from self._reader.follow()
        self._next = self._reader.next_offset

    def lines(self) -> Iterator[bytes]:
        """See `Journal`."""
        return self._reader.lines()

    def head(self) -> int:
        """See `StoredJournal`."""
        return 0

    def doubled(self) -> list[int]:
        """See `StoredJournal`; a broker can store a record twice."""
        return list(self._reader.doubled)

    async def append(self, *entries: Entry) -> None:
        """See `Journal`; of several, only the first may be durable after a crash in between."""
        loop = asyncio.get_running_loop()
        written: list[asyncio.Future[int]] = []
        for entry in entries:
            future: asyncio.Future[int] = loop.create_future()
            done = partial(_done, loop, future)
            try:
                self._producer.produce(
                    self._topic, key=self._bot, value=encode(entry), on_delivery=done
                )
            except KafkaException as error:
                future.set_exception(_failure(error.args[0]))
            written.append(future)
        await loop.run_in_executor(None, self._producer.flush, self._patience + 1)
        _, late = await asyncio.wait(written, timeout=0.1)
        if late:
            raise JournalError(f"the journal {self._topic} did not confirm an entry in time")
        for offset in await asyncio.gather(*written):
            self._next = offset + 1 if offset == self._next else -1

    async def compact(self, snapshot: Entry) -> bool:
        """See `Journal`; a broker that does not delete the entries before it keeps them."""
        if self._next < 0 or self._settings.kafka_embedded:
            return False
        try:
            await self.append(snapshot)
        except TooLargeEntryError:
            _log.warning("the snapshot is too large for the journal", topic=self._topic)
            return False
        if self._next > 0:
            await asyncio.to_thread(self._delete_before, self._next - 1)
        return True

    def _delete_before(self, offset: int) -> None:
        place = TopicPartition(self._topic, 0, offset)
        admin = AdminClient(client_config(self._settings))  # answers come only while it is here
        try:
            admin.delete_records([place])[place].result(DELETE_SECONDS)
        except (KafkaException, TimeoutError) as error:
            _log.warning(
                "the journal keeps the entries before its snapshot",
                topic=self._topic,
                reason=repr(error),
            )

    def close(self) -> None:
        """All entries are written already."""
        self._producer.flush(1)
        self._reader.close()


def _done(
    loop: asyncio.AbstractEventLoop,
    written: "asyncio.Future[int]",
    error: KafkaError | None,
    message: Message,
) -> None:
    loop.call_soon_threadsafe(_finish, written, error, message.offset() or 0)


def _finish(written: "asyncio.Future[int]", error: KafkaError | None, offset: int) -> None:
    if written.done():
        return
    if error is None:
        written.set_result(offset)
    else:
        written.set_exception(_failure(error))


def _failure(error: KafkaError) -> JournalError:
    kind = TooLargeEntryError if error.code() == KafkaError.MSG_SIZE_TOO_LARGE else JournalError
    return kind(f"cannot write the journal: {error}")
