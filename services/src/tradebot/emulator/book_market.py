"""One symbol: its order book, everyone's order flow, its trades and its candles."""

from collections import deque
from collections.abc import Callable

from tradebot.domain.situation import MarketStatus
from tradebot.emulator.clock import ExchangeClock
from tradebot.emulator.feeds import Feeds, MarketUpdate, TapeTrade
from tradebot.emulator.instruments import ExchangeInstrument
from tradebot.emulator.market.candles import Candles
from tradebot.emulator.matching.engine import MatchingEngine
from tradebot.emulator.matching.orders import (
    MARKET,
    Booked,
    BookSide,
    Cancelled,
    Event,
    LevelChange,
    Trade,
)

_TAPE = 20_000
"""Number of trades to keep."""

OnOwned = Callable[["BookMarket", int, Trade | Booked | Cancelled, int], None]
"""Called with the market, its time, an event of an account's order, and the trade's id."""


class BookMarket:
    """Turns the engine's events into public data.

    Args:
        ids: returns a new event or trade id.
        on_owned: called with events of accounts' orders.
    """

    def __init__(
        self,
        instrument: ExchangeInstrument,
        engine: MatchingEngine,
        candles: Candles,
        *,
        clock: ExchangeClock,
        feeds: Feeds,
        ids: Callable[[], int],
        on_owned: OnOwned,
    ) -> None:
        self.instrument = instrument
        self.engine = engine
        self.candles = candles
        self.tape: deque[TapeTrade] = deque(maxlen=_TAPE)
        self.sequence = 0
        self.status: MarketStatus = "open"
        self._clock = clock
        self._feeds = feeds
        self._ids = ids
        self._on_owned = on_owned
        self._frozen: dict[BookSide, list[tuple[int, int]]] | None = None
        self._held: list[tuple[int, LevelChange, TapeTrade | None]] = []

    def digest(self, ts: int, events: list[Event]) -> None:
        """Publishes the events of the market's time `ts`."""
        trade: TapeTrade | None = None
        for event in events:
            if isinstance(event, LevelChange):
                self._change(ts, event, trade)
                trade = None
            elif isinstance(event, Trade):
                trade = self._trade(ts, event)
                if event.maker.owner != MARKET or event.taker.owner != MARKET:
                    self._on_owned(self, ts, event, trade.tid)
            elif event.order.owner != MARKET:
                self._on_owned(self, ts, event, 0)

    def _trade(self, ts: int, event: Trade) -> TapeTrade:
        told = self._clock.stamp(ts)
        trade = TapeTrade(self._ids(), told, event.price, event.amount, event.maker.book_side)
        self.tape.append(trade)
        self.candles.trade(ts, event.price, event.amount)
        return trade

    def _change(self, ts: int, change: LevelChange, trade: TapeTrade | None) -> None:
        if self._frozen is not None:
            self._held.append((ts, change, trade))
            return
        self.sequence += 1
        event_id = trade.tid if trade is not None else self._ids()
        self._feeds.publish_market(
            MarketUpdate(
                self.instrument, self._clock.stamp(ts), event_id, self.sequence, change, trade
            )
        )

    def levels(self, side: BookSide, limit: int = 0) -> list[tuple[int, int]]:
        """Returns prices and sizes of a side, best first; all of them if `limit` is 0."""
        if self._frozen is not None:
            return self._frozen[side][: limit or None]
        half = self.engine.bids if side == "bid" else self.engine.asks
        found: list[tuple[int, int]] = []
        for price in half.prices():
            if limit and len(found) == limit:
                break
            found.append((price, half.levels[price].size))
        return found

    def freeze(self) -> None:
        """Stops publishing: everyone sees the present book while the real one moves on."""
        if self._frozen is None:
            self._frozen = {"bid": self.levels("bid"), "ask": self.levels("ask")}

    def thaw(self) -> None:
        """Publishes at once all that happened while the book was frozen."""
        self._frozen = None
        held, self._held = self._held, []
        for ts, change, trade in held:
            self._change(ts, change, trade)
