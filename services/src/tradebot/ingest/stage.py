"""The stage: reads one symbol's feed, reconnecting as needed, and writes it to Kafka.

One task reads the socket and never waits for Kafka. A gap, a stall, an unreadable frame or a full
queue ends the connection. The next one starts with a whole order book and `seq` 0; the liquidity
stage marks the windows of that time as incomplete.

A thread of its own joins trades and windows into closed minutes.
"""

import asyncio
import threading
import time
from typing import Final

from tradebot.ingest import STAGE, metrics
from tradebot.ingest.minutes.publishing import Minutes
from tradebot.ingest.publisher import OverloadError, Publisher
from tradebot.ingest.records import Connection
from tradebot.ingest.settings import IngestSettings
from tradebot.platform import logs
from tradebot.platform.clock import VenueClock
from tradebot.platform.health import Readiness
from tradebot.platform.stage import Frame, running
from tradebot.venue.backoff import Backoff
from tradebot.venue.errors import FeedBrokenError, VenueError
from tradebot.venue.port import (
    BookEvent,
    MarketEvent,
    MarketStream,
    TradeEvent,
    check_venue,
    open_venue,
)

POLL_SECONDS: Final = 0.1
FLUSH_SECONDS: Final = 2.0


def publish(events: list[MarketEvent], connection: Connection, publisher: Publisher) -> None:
    """Publishes one frame's events as records.

    Raises:
        OverloadError: the queue is full.
    """
    for event in events:
        if isinstance(event, BookEvent):
            publisher.feed(connection.feed(event))
        elif isinstance(event, TradeEvent):
            value = connection.trade(event)
            if value is not None:
                publisher.trade(value)


class Ingest:
    """Reads until `stop`.

    Args:
        readiness: its gates `feed` and `kafka` close with the reason.
    """

    def __init__(
        self,
        settings: IngestSettings,
        publisher: Publisher,
        readiness: Readiness,
        backoff: Backoff | None = None,
    ) -> None:
        self._settings = settings
        self._publisher = publisher
        self._backoff = backoff or Backoff()
        self._clock = VenueClock(settings.speed)
        self._venue = open_venue(settings)
        self._log = logs.get(__name__)
        self._stream: MarketStream | None = None
        self._broken = "not connected yet"
        self._since = time.monotonic()
        self._connection = Connection(settings.symbol)
        self._lost = ""
        self._troubled = False
        self._filling_in: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()
        metrics.from_zero(settings.symbol)
        self.minutes = Minutes(settings, self._clock)
        readiness.check("feed", self.feed_trouble)
        readiness.check("kafka", publisher.trouble)
        readiness.check("minutes", self.minutes.trouble)

    def stop(self) -> None:
        """Ends `run`."""
        self._stopped.set()

    def feed_trouble(self) -> str | None:
        """Why there is no live order book; `None` while there is."""
        if self._stream is None:
            return f"no feed for {time.monotonic() - self._since:.0f} s: {self._broken}"
        silence = self._stream.silence()
        if silence >= self._settings.stall_seconds:
            return f"the venue has sent nothing for {silence:.0f} s"
        return None

    async def run(self) -> None:
        """Reads and publishes until `stop`, then flushes the queue."""
        coroutines = (self._follow(), self._poll(), self._stopped.wait())
        tasks: list[asyncio.Task[object]] = [asyncio.create_task(each) for each in coroutines]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._venue.aclose()
        left = await asyncio.to_thread(self._publisher.flush, FLUSH_SECONDS)
        if left:
            self._log.warning("Kafka did not accept all records before the end", records=left)

    async def _follow(self) -> None:
        while True:
            try:
                await self._one_connection()
            except FeedBrokenError as error:
                delay = self._broke(error)
            await asyncio.sleep(delay)
            while not self._publisher.has_room():  # noqa: ASYNC110  # the queue has no event
                await asyncio.sleep(POLL_SECONDS)

    async def _one_connection(self) -> None:
        settings = self._settings
        self._lost = ""
        async with self._venue.market.stream(
            settings.symbol,
            self._clock,
            interface=settings.interface,
            stall_seconds=settings.stall_seconds,
        ) as stream:
            self._backoff.connected()
            self._connection = connection = self._connection.following()
            try:
                await self._read(stream, connection)
            except OverloadError as error:
                raise FeedBrokenError("overload", str(error)) from None
            finally:
                if self._filling_in is not None:
                    self._filling_in.cancel()

    async def _fill_in(self, connection: Connection) -> None:
        """Publishes the trades missed while disconnected; retries until that succeeds."""
        since, backoff = connection.since, Backoff(first=1.0)
        while since is not None and not connection.filled:
            try:
                trades = await self._venue.market.trades_since(self._settings.symbol, since)
                for value in connection.missed(trades):
                    self._publisher.trade(value)
                connection.filled = True
            except VenueError as error:
                self._log.warning(
                    "could not fetch the trades missed during a disconnect",
                    why=str(error),
                    since=since,
                )
                await asyncio.sleep(backoff.failed())
            except OverloadError as error:
                self._lost = str(error)
                return

    async def _read(self, stream: MarketStream, connection: Connection) -> None:
        frames = metrics.FRAMES.labels(self._settings.symbol)
        quiet_seconds = self._settings.quiet_seconds
        count, changed = 0, time.monotonic()
        while True:
            batch = await stream.batch()
            frames.inc()
            publish(batch, connection, self._publisher)
            if connection.count > count:
                count, changed = connection.count, time.monotonic()
                if self._stream is None:
                    self._began(stream)
                    # Only once live trades come, so that none is missed in between.
                    self._filling_in = asyncio.create_task(self._fill_in(connection))
            elif time.monotonic() - changed > quiet_seconds:
                raise FeedBrokenError("stalled", f"no book change for {quiet_seconds:g} s")
            if self._lost:
                raise OverloadError(self._lost)

    async def _poll(self) -> None:
        """Handles delivery reports, and updates the gauges."""
        symbol = self._settings.symbol
        while True:
            try:
                self._publisher.poll()
            except OverloadError as error:
                self._lost = str(error)
            self._note_trouble()
            metrics.QUEUE.labels(symbol).set(self._publisher.waiting())
            silence = time.monotonic() - self._since
            if self._stream is not None:
                silence = self._stream.silence()
                metrics.BOOK_LEVELS.labels(symbol).set(len(self._stream.book))
            metrics.SILENCE.labels(symbol).set(silence)
            await asyncio.sleep(POLL_SECONDS)

    def _note_trouble(self) -> None:
        """Logs once when Kafka stops accepting records, and once when it accepts them again."""
        trouble = self._publisher.trouble()
        if trouble is not None and not self._troubled:
            self._log.warning("Kafka does not accept records", why=trouble)
        elif trouble is None and self._troubled:
            self._log.info("Kafka accepts records again", waiting=self._publisher.waiting())
        self._troubled = trouble is not None

    def _began(self, stream: MarketStream) -> None:
        self._stream = stream
        metrics.CONNECTIONS.labels(self._settings.symbol).inc()
        self._log.info(
            "feed connected, with a full book",
            symbol=self._settings.symbol,
            interface=self._settings.interface,
            levels=len(stream.book),
        )

    def _broke(self, error: FeedBrokenError) -> float:
        """Stores the reason; returns how many seconds to wait."""
        if self._stream is not None:
            self._stream = None
            self._since = time.monotonic()
        self._broken = str(error)
        metrics.BREAKS.labels(self._settings.symbol, error.cause).inc()
        delay = self._backoff.failed()
        self._log.warning(
            "feed disconnected",
            symbol=self._settings.symbol,
            cause=error.cause,
            why=error.message,
            again_in_seconds=round(delay, 2),
        )
        return delay


def run(settings: IngestSettings) -> None:
    """Reads the feed until SIGTERM or SIGINT.

    Raises:
        SettingsError: the venue is not installed, the port is taken, no broker responds, or a topic
            cannot be created.
    """
    check_venue(settings.venue)
    with running(STAGE, settings) as frame:
        asyncio.run(_run(frame))


async def _run(frame: Frame[IngestSettings]) -> None:
    ingest = Ingest(frame.settings, Publisher(frame.settings), frame.readiness)
    frame.stopping.call_in_loop(ingest.stop)
    minutes = threading.Thread(target=ingest.minutes.run, name="minutes", daemon=True)
    minutes.start()
    frame.readiness.started()
    try:
        await ingest.run()
    finally:
        ingest.minutes.stop()
        await asyncio.to_thread(minutes.join, FLUSH_SECONDS)
