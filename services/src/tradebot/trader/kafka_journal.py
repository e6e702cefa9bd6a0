"""The journal's home in a cluster: a topic, one partition a bot.

All entries of a bot have its name as their key, so they lie in one partition in the order in
which they were written. An entry is durable when all in-sync replicas have it. What a trader
that has lost its lease still writes is passed over when the journal is read: nothing of a lower
epoch counts after an entry of a higher one, and an entry takes the place of what had its number.
"""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message

from tradebot.platform.kafka import consumer, ensure_topics, producer
from tradebot.platform.settings import StageSettings
from tradebot.trader.entries import Entry
from tradebot.trader.journal import JournalError, decode, encode
from tradebot.trader.streams import bounds

READ_SECONDS: Final = 10.0


class KafkaJournal:
    """A bot's entries in the topic `trader-journal`; see `tradebot.trader.journal.Journal`.

    Args:
        patience: seconds in which the brokers must have confirmed an entry.

    Raises:
        SettingsError: the topic is missing and cannot be created.
    """

    def __init__(
        self, settings: StageSettings, topic: str, bot: str, patience: float = 10.0
    ) -> None:
        ensure_topics(settings, [topic], config={"retention.ms": "-1"})
        self._settings = settings
        self._topic = topic
        self._bot = bot.encode()
        self._patience = patience
        # Too late is as bad as never: what an entry announces is not done after a failure.
        timeout = int(patience * 1000)
        self._producer = producer(settings, **{"linger.ms": 0, "message.timeout.ms": timeout})

    def read(self) -> Iterator[Entry]:
        """See `Journal`."""
        kept: list[Entry] = []
        for message in self._messages():
            entry = decode(message.value() or b"")
            if kept and entry.epoch < kept[-1].epoch:
                continue
            while kept and kept[-1].number >= entry.number:
                kept.pop()
            kept.append(entry)
        yield from kept

    def _messages(self) -> Iterator[Message]:
        """All messages of the bot up to the topic's present end."""
        reader = consumer(self._settings, f"journal-{self._bot.decode()}")
        try:
            for where, low, high in bounds(reader, self._topic):
                where.offset = low
                reader.assign([where])
                position = low
                while position < high:
                    message = reader.poll(READ_SECONDS)
                    if message is None:
                        raise JournalError(f"the journal {self._topic} stopped answering")
                    if message.error() is not None:
                        raise JournalError(f"the journal {self._topic}: {message.error()}")
                    position = (message.offset() or 0) + 1
                    if message.key() == self._bot:
                        yield message
        except KafkaException as error:
            raise JournalError(f"the journal {self._topic} cannot be read: {error}") from None
        finally:
            reader.close()

    async def append(self, *entries: Entry) -> None:
        """See `Journal`; of several the first may be durable alone, as after a crash between."""
        loop = asyncio.get_running_loop()
        written: list[asyncio.Future[None]] = []
        for entry in entries:
            future: asyncio.Future[None] = loop.create_future()
            done = partial(_done, loop, future)
            self._producer.produce(
                self._topic, key=self._bot, value=encode(entry), on_delivery=done
            )
            written.append(future)
        await loop.run_in_executor(None, self._producer.flush, self._patience + 1)
        _, late = await asyncio.wait(written, timeout=0.1)
        if late:
            raise JournalError(f"the journal {self._topic} did not confirm an entry in time")
        await asyncio.gather(*written)

    def compact(self, snapshot: Entry) -> None:
        """See `Journal`; a topic that bots share cannot forget one bot's records, so it keeps all.

        A snapshot that a trader without its lease wrote could hide what its successor wrote.
        """

    def close(self) -> None:
        """All entries are written already."""
        self._producer.flush(1)


def _done(
    loop: asyncio.AbstractEventLoop,
    written: "asyncio.Future[None]",
    error: KafkaError | None,
    _message: Message,
) -> None:
    loop.call_soon_threadsafe(_finish, written, error)


def _finish(written: "asyncio.Future[None]", error: KafkaError | None) -> None:
    if written.done():
        return
    if error is None:
        written.set_result(None)
    else:
        written.set_exception(JournalError(f"the journal could not be written: {error}"))
