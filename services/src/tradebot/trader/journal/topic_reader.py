"""Reads a bot's entries from a topic.

What a trader that has lost its lease still writes does not count: nothing of a lower epoch counts
after an entry of a higher one, and an entry replaces what had its number. A snapshot replaces all
entries before it.
"""

from array import array
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from confluent_kafka import Consumer, KafkaException

from tradebot.platform.kafka import consumer
from tradebot.platform.settings import StageSettings
from tradebot.platform.topic import messages, messages_since
from tradebot.trader.journal.entries import Body, Entry, Snapshot
from tradebot.trader.journal.store import (
    UNREADABLE,
    JournalError,
    UnusableJournalError,
    check_hash,
    decode,
)

AHEAD_KB: Final = 4096
"""What the client reads ahead; its own default is more than a trader may use in all."""

FOLLOW_SECONDS: Final = 2.0
"""The brokers answer within so long, or a follower tries again."""

_PARTITION_BITS: Final = 48


class _Kind(msgspec.Struct):
    """The tag of an entry's body."""

    type: str


class _Glance(msgspec.Struct):
    """The part of an entry that decides whether it counts."""

    number: int
    epoch: int
    published: int
    body: _Kind
    hash: str = ""


class _Bare(msgspec.Struct):
    """An entry without its documents."""

    number: int
    epoch: int
    ts: int
    published: int
    body: Body
    previous: str = ""
    hash: str = ""


_glance = msgspec.json.Decoder(_Glance).decode
_decode_bare = msgspec.json.Decoder(_Bare).decode


class TopicReader:
    """The entries of `bot` in `topic`, which may hold those of other bots too."""

    def __init__(self, settings: StageSettings, topic: str, bot: str) -> None:
        self._places: dict[int, int] = {}
        """By partition, the offset after the last record that was read."""
        self.doubled: list[int] = []
        """Numbers of the entries that the topic held twice when it was last read."""
        self._follower: Consumer | None = None
        self._settings = settings
        self._topic = topic
        self._bot = bot

    def entries(self) -> Iterator[Entry]:
        """The entries that count, in order; documents that were delivered are left out.

        The topic is read twice: first to find what counts, then to hand that out one by one, so
        that a long journal takes time and no memory.

        Raises:
            JournalError: the topic cannot be read, or an entry is damaged.
        """
        places, published = self._counting()
        for value in self._at(places):
            yield _bare(value, published)

    def lines(self) -> Iterator[bytes]:
        """The lines of the entries that count, in order.

        Raises:
            JournalError: see `entries`.
        """
        yield from self._at(self._counting()[0])

    def _at(self, places: Sequence[int]) -> Iterator[bytes]:
        due = iter(places)
        wanted = next(due, None)
        for place, value in self._values():
            if place != wanted:
                continue
            wanted = next(due, None)
            yield value
        if wanted is not None:
            raise JournalError(f"the journal {self._topic} lost entries while it was read")

    def follow(self) -> Iterator[Entry]:
        """What was written since the topic was last read, as it stands, whether it counts or not.

        Raises:
            JournalError: the topic cannot be read, or an entry is damaged.
        """
        if self._follower is None:
            ahead = {"queued.max.messages.kbytes": AHEAD_KB, "enable.partition.eof": True}
            self._follower = consumer(self._settings, self._group, **ahead)
        try:
            for message in messages_since(
                self._follower, self._topic, self._places, FOLLOW_SECONDS
            ):
                if message.key() == self._bot.encode():
                    yield decode(message.value() or b"")
        except KafkaException as error:
            raise JournalError(f"cannot read the journal {self._topic}: {error}") from None

    @property
    def next_offset(self) -> int:
        """The offset after the last record that was read; of a topic with one partition."""
        return self._places.get(0, 0)

    def close(self) -> None:
        """Ends the client that follows."""
        if self._follower is not None:
            self._follower.close()

    @property
    def _group(self) -> str:
        return f"journal-{self._bot}"

    def _counting(self) -> tuple[Sequence[int], int]:
        """Where the entries that count are, and up to which their documents were delivered."""
        numbers, places, hashes = array("q"), array("q"), array("Q")
        replaced: dict[int, int] = {}
        epoch = published = 0
        self.doubled.clear()
        for place, value in self._values():
            self._places[place >> _PARTITION_BITS] = place % (1 << _PARTITION_BITS) + 1
            try:
                seen = _glance(value)
            except UNREADABLE as error:
                raise UnusableJournalError(f"cannot read a journal entry: {error}") from None
            if numbers and seen.epoch < epoch:
                continue
            least = 0 if seen.body.type == Snapshot.__name__ else seen.number
            while numbers and numbers[-1] >= least:
                number, digest = numbers.pop(), hashes.pop()
                places.pop()
                if least:  # a snapshot replaces by intent
                    replaced[number] = digest
            numbers.append(seen.number)
            places.append(place)
            hashes.append(int(seen.hash[:16] or "0", 16))
            if hashes[-1] and replaced.get(seen.number) == hashes[-1]:
                self.doubled.append(seen.number)
            epoch, published = seen.epoch, max(published, seen.published)
        return places, published

    def _values(self) -> Iterator[tuple[int, bytes]]:
        """All values of the bot up to the topic's present end, each with its place."""
        key = self._bot.encode()
        ahead = {"queued.max.messages.kbytes": AHEAD_KB}
        try:
            for message in messages(self._settings, self._topic, self._group, **ahead):
                if message.key() == key:
                    partition, offset = message.partition() or 0, message.offset() or 0
                    yield partition << _PARTITION_BITS | offset, message.value() or b""
        except KafkaException as error:
            raise JournalError(f"cannot read the journal {self._topic}: {error}") from None


def _bare(value: bytes, published: int) -> Entry:
    """The entry, without documents that were delivered long ago: reading those takes the most."""
    if _glance(value).number > published:
        return decode(value)
    try:
        found = _decode_bare(value)
    except UNREADABLE as error:
        raise UnusableJournalError(f"cannot read a journal entry: {error}") from None
    check_hash(value, found.number, found.hash)
    return Entry(
        number=found.number,
        epoch=found.epoch,
        ts=found.ts,
        published=found.published,
        body=found.body,
        previous=found.previous,
        hash=found.hash,
    )
