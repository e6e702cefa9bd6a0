"""The trader's topics: windows to decide on, and the newest forecasts and feed records.

An offset of the windows is committed only after its decision is durable. Forecasts and the feed are
state, not work: only their end is read at each start, and their offsets are not committed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaException,
    Message,
    TopicPartition,
)

from tradebot.platform import logs
from tradebot.platform.clock import VenueClock
from tradebot.platform.kafka import consumer
from tradebot.platform.topic import PATIENCE, bounds, key_of
from tradebot.plausible import feed
from tradebot.plausible.values import Now, symbol_of
from tradebot.records import FeedRecord, decode
from tradebot.trader.settings import TraderSettings

POLL_SECONDS: Final = 0.2
OPEN_SECONDS: Final = 1.0
BATCH: Final = 2000
LAST_FORECASTS: Final = 50
"""Records per partition to read again at a start; other bots' may be among them."""

Handle = Callable[[list[Message]], Awaitable[None]]

_log = logs.get("trader.streams")


class Stream:
    """Passes a consumer's records to `handle`, in batches, in order, one at a time.

    The consumer has its own thread; `handle` runs in the event loop.

    Args:
        opened: creates the consumer; raises `KafkaException` while the brokers are away.
    """

    def __init__(self, opened: Callable[[], Consumer], handle: Handle, name: str) -> None:
        self._opened = opened
        self._reader: Consumer | None = None
        self._handle = handle
        self._name = name
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self) -> None:
        """Reads until cancelled; waits for brokers that are away at the start."""
        loop = asyncio.get_running_loop()
        while self._reader is None:
            try:
                self._reader = await loop.run_in_executor(self._thread, self._opened)
            except KafkaException as error:
                _log.warning("Kafka", stream=self._name, reason=str(error))
                await asyncio.sleep(OPEN_SECONDS)
        while True:
            messages = await loop.run_in_executor(self._thread, self._read, self._reader)
            if messages:
                await self._handle(messages)

    @staticmethod
    def _read(reader: Consumer) -> list[Message]:
        """Returns the next messages, as soon as there are any."""
        first = reader.poll(POLL_SECONDS)
        if first is None:
            return []
        found = [first, *reader.consume(BATCH, 0)]
        good = [message for message in found if message.error() is None]
        if len(good) < len(found):
            error = next(message.error() for message in found if message.error() is not None)
            _log.warning("Kafka", reason=str(error))
        return good

    async def commit(self, messages: list[Message]) -> None:
        """Commits everything up to `messages`; if the broker is away, the next commit covers it."""
        ends = {(m.topic(), m.partition()): (m.offset() or 0) + 1 for m in messages}
        offsets = [
            TopicPartition(topic or "", partition or 0, end)
            for (topic, partition), end in ends.items()
        ]
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, self._commit, offsets)
        except KafkaException as error:
            _log.warning("offset not committed yet", reason=str(error))

    def _commit(self, offsets: list[TopicPartition]) -> None:
        assert self._reader is not None, "what is committed was read"
        self._reader.commit(offsets=offsets, asynchronous=False)

    async def close(self) -> None:
        """Closes the consumer and its thread."""
        loop = asyncio.get_running_loop()
        if self._reader is not None:
            await loop.run_in_executor(self._thread, self._reader.close)
        self._thread.shutdown()


def windows_reader(settings: TraderSettings, topic: str) -> Consumer:
    """Returns a consumer of windows from the bot's committed offsets on.

    It assigns all partitions to itself instead of joining a group: the lease already makes it the
    only one, and a killed trader's successor need not wait for the group's timeout.
    """
    reader = consumer(settings, f"{settings.topic_prefix}trader-{settings.bot}")
    partitions = [where for where, _, _ in bounds(reader, topic)]
    starts = reader.committed(partitions, timeout=PATIENCE)
    for where in starts:
        if where.offset < 0:
            where.offset = OFFSET_BEGINNING
    reader.assign(starts)
    return reader


def feed_time(messages: list[Message], symbol: str, now: Now) -> int:
    """Returns the newest plausible time (ms) on the symbol's feed; 0 if there is none.

    If all are ahead of the clock, it is the newest of those: a venue's time can jump, and the clock
    handles that.
    """
    ahead = 0
    for message in reversed(messages):
        record = _feed_record(message, symbol)
        if record is None or feed.fault(record) is not None:
            continue
        if feed.fault(record, now) is None:
            return record.ts
        ahead = ahead or record.ts
    return ahead


def _feed_record(message: Message, symbol: str) -> FeedRecord | None:
    """Decodes a record with its symbol and time; `None` if it is another symbol's or unreadable."""
    if symbol_of("", key_of(message), symbol) != symbol:
        return None
    try:
        record = decode(message.value() or b"", FeedRecord)
    except msgspec.DecodeError:
        return None
    if record.symbol not in ("", symbol):
        return None
    ts = record.ts or message.timestamp()[1]
    return msgspec.structs.replace(record, symbol=symbol, ts=ts)


def on_feed(clock: VenueClock, symbol: str, lag: int) -> Handle:
    """Sets the clock by the feed; `lag` is how far ahead of it a record may be, ms."""

    async def handle(messages: list[Message]) -> None:
        ts = feed_time(messages, symbol, Now(clock.now(), lag))
        if ts:
            clock.observe(ts)

    return handle
