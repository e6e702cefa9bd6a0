"""The journal's home in a cluster: a topic, one partition a bot.

All entries of a bot have its name as their key, so they lie in one partition in the order in
which they were written. An entry is durable when all in-sync replicas have it. A second writer
that the lease did not keep away is seen when the journal is read: a number occurs twice, and the
entry of the higher epoch counts.
"""

import asyncio
from collections.abc import Iterator
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from tradebot.platform.kafka import consumer, ensure_topics, producer
from tradebot.platform.settings import StageSettings
from tradebot.trader.entries import Entry
from tradebot.trader.journal import JournalError, decode, encode

READ_SECONDS: Final = 10.0
WRITE_SECONDS: Final = 10.0


class KafkaJournal:
    """A bot's entries in the topic `trader-journal`; see `tradebot.trader.journal.Journal`.

    Raises:
        SettingsError: the topic is missing and cannot be created.
    """

    def __init__(self, settings: StageSettings, topic: str, bot: str) -> None:
        ensure_topics(settings, [topic])
        self._settings = settings
        self._topic = topic
        self._bot = bot.encode()
        # Too late is as bad as never: what an entry announces is not done after a failure.
        timeout = int(WRITE_SECONDS * 1000)
        self._producer = producer(
            settings, **{"linger.ms": 0, "message.timeout.ms": timeout, "partitioner": "murmur2"}
        )

    def read(self) -> Iterator[Entry]:
        """See `Journal`."""
        newest: dict[int, Entry] = {}
        for message in self._messages():
            entry = decode(message.value() or b"")
            known = newest.get(entry.number)
            if known is None or entry.epoch >= known.epoch:
                # An entry of a later epoch replaces what its predecessor still wrote after it.
                stale = [n for n, e in newest.items() if n > entry.number and e.epoch < entry.epoch]
                for number in stale:
                    del newest[number]
                newest[entry.number] = entry
        yield from (newest[number] for number in sorted(newest))

    def _messages(self) -> Iterator[Message]:
        """All messages of the bot up to the topic's present end."""
        reader = consumer(self._settings, f"journal-{self._bot.decode()}")
        try:
            partitions = reader.list_topics(self._topic, timeout=READ_SECONDS)
            for number in partitions.topics[self._topic].partitions:
                where = TopicPartition(self._topic, number)
                low, high = reader.get_watermark_offsets(where, timeout=READ_SECONDS)
                where.offset = low
                reader.assign([where])
                while low < high:
                    message = reader.poll(READ_SECONDS)
                    if message is None:
                        raise JournalError(f"the journal {self._topic} stopped answering")
                    if message.error() is not None:
                        raise JournalError(f"the journal {self._topic}: {message.error()}")
                    low = (message.offset() or 0) + 1
                    if message.key() == self._bot:
                        yield message
        except KafkaException as error:
            raise JournalError(f"the journal {self._topic} cannot be read: {error}") from None
        finally:
            reader.close()

    async def append(self, entry: Entry) -> None:
        """See `Journal`."""
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()

        def done(error: KafkaError | None, _message: Message) -> None:
            loop.call_soon_threadsafe(_finish, written, error)

        self._producer.produce(self._topic, key=self._bot, value=encode(entry), on_delivery=done)
        await loop.run_in_executor(None, self._producer.flush, WRITE_SECONDS + 1)
        if not written.done():
            await asyncio.sleep(0)
        if not written.done():
            raise JournalError(f"the journal {self._topic} did not confirm an entry in time")
        await written

    def close(self) -> None:
        """All entries are written already."""
        self._producer.flush(1)


def _finish(written: "asyncio.Future[None]", error: KafkaError | None) -> None:
    if written.done():
        return
    if error is None:
        written.set_result(None)
    else:
        written.set_exception(JournalError(f"the journal could not be written: {error}"))
