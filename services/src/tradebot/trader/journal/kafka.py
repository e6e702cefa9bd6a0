"""The journal's home in a cluster: a topic, one partition a bot.

All entries of a bot have its name as their key, so they lie in one partition in the order in
which they were written. An entry is durable when all in-sync replicas have it. What a trader
that has lost its lease still writes is passed over when the journal is read: nothing of a lower
epoch counts after an entry of a higher one, and an entry takes the place of what had its number.
"""

import asyncio
from array import array
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from tradebot.platform.kafka import consumer, ensure_topics, producer
from tradebot.platform.settings import StageSettings
from tradebot.platform.topic import messages, messages_since
from tradebot.trader.journal.entries import Body, Entry
from tradebot.trader.journal.store import JournalError, decode, encode

AHEAD_KB: Final = 4096
"""What the client reads ahead; its own default is more than a trader may use in all."""
OFFSET_BITS: Final = 48
OFFSET_MASK: Final = (1 << OFFSET_BITS) - 1

FOLLOW_SECONDS: Final = 2.0
"""The brokers answer within so long, or a follower tries again."""


class _Glance(msgspec.Struct):
    """What says whether an entry counts."""

    number: int
    epoch: int
    published: int


class _Bare(msgspec.Struct):
    """An entry without its documents."""

    number: int
    epoch: int
    ts: int
    published: int
    body: Body


_glance = msgspec.json.Decoder(_Glance).decode
_decode_bare = msgspec.json.Decoder(_Bare).decode


def _bare(value: bytes, published: int) -> Entry:
    """The entry, without documents that were delivered long ago: reading those takes the most."""
    if _glance(value).number > published:
        return decode(value)
    try:
        found = _decode_bare(value)
    except msgspec.DecodeError as error:
        raise JournalError(f"cannot read a journal entry: {error}") from None
    return Entry(
        number=found.number,
        epoch=found.epoch,
        ts=found.ts,
        published=found.published,
        body=found.body,
    )


class KafkaJournal:
    """A bot's entries in the topic `trader-journal`; see `tradebot.trader.journal.store.Journal`.

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
        self._places: dict[int, int] = {}
        """By partition, where following goes on."""
        self._follower: Consumer | None = None
        # Too late is as bad as never: what an entry announces is not done after a failure.
        timeout = int(patience * 1000)
        self._producer = producer(settings, **{"linger.ms": 0, "message.timeout.ms": timeout})

    def read(self) -> Iterator[Entry]:
        """See `Journal`.

        The topic is read twice: first to see which entries count, then to hand those out one by
        one, so that a long journal takes time and no memory.
        """
        places, published = self._counting()
        due = iter(places)
        wanted = next(due, None)
        for place, value in self._values():
            if place != wanted:
                continue
            wanted = next(due, None)
            yield _bare(value, published)
        if wanted is not None:
            raise JournalError(f"the journal {self._topic} lost entries while it was read")

    def follow(self) -> Iterator[Entry]:
        """See `Journal`."""
        ahead = {"queued.max.messages.kbytes": AHEAD_KB, "enable.partition.eof": True}
        if self._follower is None:
            self._follower = consumer(self._settings, self._group, **ahead)
        try:
            for message in messages_since(
                self._follower, self._topic, self._places, FOLLOW_SECONDS
            ):
                if message.key() == self._bot:
                    yield decode(message.value() or b"")
        except KafkaException as error:
            raise JournalError(f"cannot read the journal {self._topic}: {error}") from None

    @property
    def _group(self) -> str:
        return f"journal-{self._bot.decode()}"

    def _counting(self) -> tuple[Sequence[int], int]:
        """Where the entries that count lie, and up to which their documents were delivered."""
        numbers, places = array("q"), array("q")
        epoch = published = 0
        for place, value in self._values():
            self._places[place >> OFFSET_BITS] = (place & OFFSET_MASK) + 1
            try:
                seen = _glance(value)
            except msgspec.DecodeError as error:
                raise JournalError(f"cannot read a journal entry: {error}") from None
            if numbers and seen.epoch < epoch:
                continue
            while numbers and numbers[-1] >= seen.number:
                numbers.pop()
                places.pop()
            numbers.append(seen.number)
            places.append(place)
            epoch, published = seen.epoch, max(published, seen.published)
        return places, published

    def _values(self) -> Iterator[tuple[int, bytes]]:
        """All values of the bot up to the topic's present end, each with its place."""
        ahead = {"queued.max.messages.kbytes": AHEAD_KB}
        try:
            for message in messages(self._settings, self._topic, self._group, **ahead):
                if message.key() == self._bot:
                    place = (message.partition() or 0) << OFFSET_BITS | (message.offset() or 0)
                    yield place, message.value() or b""
        except KafkaException as error:
            raise JournalError(f"cannot read the journal {self._topic}: {error}") from None

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
        if self._follower is not None:
            self._follower.close()


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
        written.set_exception(JournalError(f"cannot write the journal: {error}"))
