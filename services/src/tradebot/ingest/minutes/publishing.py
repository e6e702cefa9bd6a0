"""Publishes a symbol's closed minutes, each once, from the topics of trades and windows.

A transactional producer under the symbol's name ends an earlier process's transaction and fences
it. Only then is the newest published minute read. Publishing continues from there, however often
trades and windows are read again.
"""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Final

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from tradebot.history import topic as minutes
from tradebot.history.minutes import Bar
from tradebot.ingest import metrics
from tradebot.ingest.minutes.closing import PATIENCE_SECONDS, Closing
from tradebot.ingest.settings import IngestSettings
from tradebot.platform import logs
from tradebot.platform.clock import VenueClock
from tradebot.platform.exactly_once import TIMEOUT, publish, publisher
from tradebot.platform.exactly_once import Message as Sent
from tradebot.platform.settings import SettingsError
from tradebot.platform.topic import key_of, tail
from tradebot.platform.topics import Topics
from tradebot.plausible import window as windows
from tradebot.plausible.values import Now, symbol_of
from tradebot.records import LiquidityRecord, MinuteRecord, TradeRecord, decode, encode
from tradebot.venue.errors import VenueError
from tradebot.venue.port import Candle, open_venue
from tradebot.window_records import Gatherer

POLL_SECONDS: Final = 0.02
RETRY_SECONDS: Final = 2.0
BATCH: Final = 500
CHUNK: Final = 1_000
"""Past minutes per transaction."""

_log = logs.get(__name__)


class Minutes:
    """One symbol's minutes; `run` is the body of a thread.

    Args:
        clock: the venue's time, kept by the feed.
    """

    def __init__(self, settings: IngestSettings, clock: VenueClock) -> None:
        self._settings = settings
        self._clock = clock
        self._topics = Topics.of(settings)
        self._stopping = threading.Event()
        self._trouble = ""
        self._lag = int(PATIENCE_SECONDS * 1000 * settings.speed)

    def stop(self) -> None:
        """Ends `run` within a poll."""
        self._stopping.set()

    def trouble(self) -> str | None:
        """Why minutes are not published; `None` while they are."""
        return self._trouble or None

    def run(self) -> None:
        """Publishes until `stop`. If the broker is away, or another process takes over the
        symbol, it starts again from the newest published minute."""
        while not self._stopping.is_set():
            try:
                self._session()
            except (KafkaException, SettingsError) as error:
                self._trouble = f"minutes are not published: {error}"
                _log.warning("minutes are not published", why=str(error))
                self._stopping.wait(RETRY_SECONDS)

    def _session(self) -> None:
        while not self._clock.settled:
            if self._stopping.wait(0.1):
                return
        name = f"{self._settings.topic_prefix}ingest-minutes-{self._settings.symbol}"
        producer = publisher(self._settings, name)
        closing = Closing(
            self._settings.symbol,
            self._last(),
            patience=self._lag,
        )
        reader = tail(
            self._settings,
            name,
            {self._topics.trades: None, self._topics.liquidity: None},
            **{"enable.partition.eof": True},
        )
        try:
            self._follow(reader, closing, producer)
        finally:
            reader.close()

    def _follow(self, reader: Consumer, closing: Closing, producer: Producer) -> None:
        gatherer = Gatherer()
        unread = {(where.topic, where.partition) for where in reader.assignment()}
        # Once for what is past already, and once for what was traded before the first live minute.
        lacking = 2
        while not self._stopping.is_set():
            messages = reader.consume(BATCH, POLL_SECONDS)
            for message in messages:
                error = message.error()
                if error is None:
                    self._take(message, closing, gatherer)
                elif error.code() == KafkaError._PARTITION_EOF:
                    unread.discard((message.topic(), message.partition()))
            if unread or len(messages) == BATCH:
                continue
            if lacking == 2 or (lacking and closing.due(self._clock.now())):
                lacking -= 1
                past = self._past(closing.last)
            else:
                past = []
            self._publish(producer, closing.close(self._clock.now(), past))
            self._trouble = ""

    def _take(self, message: Message, closing: Closing, gatherer: Gatherer) -> None:
        """Skips unreadable and implausible records: other stages write their dead letters."""
        symbol, now = self._settings.symbol, self._clock.now()
        key = key_of(message)
        try:
            if message.topic() == self._topics.trades:
                closing.trade(decode(message.value() or b"", TradeRecord), now)
                return
            record = decode(message.value() or b"", LiquidityRecord)
        except msgspec.DecodeError:
            return
        if symbol_of(record.symbol, key, symbol) != symbol or windows.fault(
            record, Now(now, self._lag)
        ):
            return
        whole = gatherer.add(msgspec.structs.replace(record, symbol=symbol))
        if whole is not None:
            closing.window(whole)

    def _past(self, last: int) -> Sequence[Bar]:
        """Returns past minutes from a file and the venue's candles, if it responds."""
        settings, found = self._settings, list[Bar]()
        if settings.minutes_file and not last:
            from tradebot.history import load  # it needs polars, which only a file does

            table = load.load(Path(settings.minutes_file)).table
            found = [Bar(**row) for row in table.iter_rows(named=True)]
        known = {bar.ts for bar in found}
        try:
            candles = asyncio.run(self._candles())
        except VenueError as error:
            _log.warning("no candles of the past", why=str(error))
            return found
        return [
            *found,
            *(
                Bar(c.ts, c.open, c.high, c.low, c.close, c.volume, (c.high + c.low + c.close) / 3)
                for c in candles
                if c.ts not in known and c.volume > 0 and c.low > 0
            ),
        ]

    async def _candles(self) -> Sequence[Candle]:
        async with aclosing(open_venue(self._settings, timeout=30.0)) as venue:
            return await venue.market.minutes(self._settings.symbol)

    def _last(self) -> int:
        known = minutes.published(self._settings, self._settings.symbol)
        return known[-1].start if known else 0

    def _publish(self, producer: Producer, records: Sequence[MinuteRecord]) -> None:
        """Writes the minutes, all of a chunk or none.

        Raises:
            KafkaException: they were not written, or it is not known.
        """
        if not records:
            return
        topic, symbol = self._topics.minutes, self._settings.symbol
        count = len(producer.list_topics(topic, timeout=TIMEOUT).topics[topic].partitions)
        where = minutes.partition_of(symbol, count)
        for first in range(0, len(records), CHUNK):
            chunk = records[first : first + CHUNK]
            sent = [Sent(topic, record.key, encode(record), where) for record in chunk]
            publish(self._settings, producer, sent)
        metrics.MINUTES.labels(symbol).inc(len(records))
        metrics.LAST_MINUTE.labels(symbol).set(records[-1].start / 1000)
