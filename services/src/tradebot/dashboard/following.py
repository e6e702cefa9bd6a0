"""Reads the topics into the board, and fills it from the store first."""

import threading
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaException, Message
from msgspec.structs import replace

from tradebot import documents
from tradebot.dashboard import metrics
from tradebot.dashboard.board import Board
from tradebot.dashboard.settings import DashboardSettings
from tradebot.dashboard.times import TimeCheck
from tradebot.platform import logs
from tradebot.platform.health import Readiness
from tradebot.platform.store import DocumentStore, StoreUnavailableError
from tradebot.platform.topic import tail
from tradebot.platform.topics import Topics
from tradebot.plausible import feed, forecast, trade, window
from tradebot.plausible.values import symbol_of
from tradebot.records import (
    DocType,
    Document,
    FeedRecord,
    ForecastRecord,
    LiquidityRecord,
    TradeRecord,
    decode,
)

log = logs.get(__name__)

RETRY_SECONDS = 2.0
QUEUE_KIBIBYTES = 32_768

BACKFILL = {
    DocType.BALANCE: 1000,
    DocType.TICKER: 1500,
    DocType.LIQUIDITY: 180,
    DocType.DECISION: 60,
    DocType.ORDER: 60,
    DocType.FILL: 400,
    DocType.SCORE: 400,
    DocType.HALT: 20,
}
"""Documents of each kind to read from the store at the start."""


def backfill(board: Board, store: DocumentStore) -> None:
    """Adds the store's documents of the last hours, oldest first."""
    found: list[dict[str, Any]] = []
    try:
        for kind, limit in BACKFILL.items():
            found += store.latest(kind, limit)
    except StoreUnavailableError as error:
        log.warning("starting the page without stored documents", reason=str(error))
    # At one moment, balances come before the ticker that values them.
    found.sort(key=lambda d: (d["ts"], d["doc_type"]))
    with board.lock:
        for body in found:
            document = Document(
                body["_id"],
                DocType(body["doc_type"]),
                body["ts"],
                body["bot"],
                body["symbol"],
                body,
                body.get("base", ""),
                body.get("quote", ""),
            )
            board.document(document)


class Follower:
    """A thread that reads all topics of the page, without committing."""

    def __init__(self, settings: DashboardSettings, board: Board, readiness: Readiness) -> None:
        self._settings = settings
        self._board = board
        self._readiness = readiness
        self._times: dict[str, TimeCheck] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        topics = Topics.of(settings)
        self._market = (topics.feed, topics.trades)
        # Records to read back per topic; of the feed enough for a whole order book.
        self._back: dict[str, int | None] = {
            topics.feed: 100_000,
            topics.trades: 100,
            topics.liquidity: 540,
            topics.forecasts: 20,
            topics.documents: 1000,
        }
        self._handlers: dict[str, Callable[[Message], None]] = {
            topics.feed: self._feed,
            topics.trades: self._trade,
            topics.liquidity: self._liquidity,
            topics.forecasts: self._forecast,
            topics.documents: self._document,
        }

    def start(self) -> None:
        """Starts to read."""
        self._thread.start()

    def stop(self) -> None:
        """Stops reading, within a second."""
        self._stopping.set()
        self._thread.join(1)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except KafkaException as error:
                # The page keeps what it has; the broker may come back.
                self._readiness.close("kafka", str(error))
                log.warning("cannot read the topics", reason=str(error))
                self._stopping.wait(RETRY_SECONDS)

    def _follow(self) -> None:
        ahead = {"queued.max.messages.kbytes": QUEUE_KIBIBYTES}
        consumer = tail(self._settings, "dashboard", self._back, **ahead)
        try:
            self._readiness.open("kafka")
            self._readiness.started()
            while not self._stopping.is_set():
                messages = consumer.consume(2000, 0.1)
                if messages:
                    with self._board.lock:
                        for message in messages:
                            self._take(message)
        finally:
            consumer.close()

    def _take(self, message: Message) -> None:
        if message.error():
            log.warning("kafka", error=str(message.error()))
            return
        try:
            self._handlers[message.topic() or ""](message)
        except (ValueError, KeyError, ArithmeticError, TypeError) as error:
            # Other stages write the dead letters of bad records; the page only leaves them out.
            metrics.UNSHOWN.labels(message.topic() or "").inc()
            log.debug(
                "not shown", topic=message.topic(), offset=message.offset(), reason=str(error)
            )

    def _feed(self, message: Message) -> None:
        record = decode(message.value() or b"", FeedRecord)
        symbol = symbol_of(record.symbol, key_of(message), self._settings.symbol)
        record = replace(record, symbol=symbol, ts=record.ts or message.timestamp()[1])
        self._check(feed.fault(record), message, record.symbol, record.ts)
        self._board.market(record.symbol).feed(record)

    def _trade(self, message: Message) -> None:
        record = decode(message.value() or b"", TradeRecord)
        self._check(trade.fault(record), message, record.symbol, record.ts)
        self._board.market(record.symbol).trade(record)

    def _liquidity(self, message: Message) -> None:
        record = decode(message.value() or b"", LiquidityRecord)
        symbol = symbol_of(record.symbol, key_of(message), self._settings.symbol)
        end = record.window_end or record.timestamp * 1000
        self._check(window.fault(record), message, symbol, end)
        self._board.market(symbol).liquidity(record)

    def _forecast(self, message: Message) -> None:
        record = decode(message.value() or b"", ForecastRecord)
        newest = max(record.history_end, record.fitted_at, record.start)
        self._check(forecast.fault(record), message, record.symbol, newest)
        self._board.market(record.symbol).forecast(record)

    def _document(self, message: Message) -> None:
        document = documents.checked(message.value() or b"")
        self._check(None, message, document.symbol, document.ts)
        self._board.document(document)

    def _check(self, fault: str | None, message: Message, symbol: str, ts: int) -> None:
        """Checks that a record is plausible.

        Raises:
            ValueError: it is not.
        """
        if fault is not None:
            raise ValueError(fault)
        times = self._times.setdefault(symbol, TimeCheck(self._settings.speed))
        market = message.topic() in self._market
        believed = times.market if market else times.allows
        if not believed(ts, message.timestamp()[1]):
            raise ValueError(f"its time {ts} is ahead of the market")


def key_of(message: Message) -> bytes | None:
    """Returns the message's key as bytes."""
    key = message.key()
    return key.encode() if isinstance(key, str) else key
