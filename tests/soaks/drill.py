"""A drill: a market collapses while a part of the system is gone; what does each exit lose?

The trader's own parts run against a made-up market, in exchange time. A position is bought before
the collapse. The loss is measured against what it cost, fees included: what was sold counts at its
fills, the rest at the last price.
"""

import random
from decimal import Decimal
from typing import Final, Literal

import msgspec
from soaks.orders import RULES, Soak, WatchedVenue
from venues.resting import Resting

from tradebot.domain.decision import Exits, Prediction, Window
from tradebot.domain.exits.pricing import Level
from tradebot.domain.intent import Intent
from tradebot.domain.money import ZERO
from tradebot.records import TradeRecord, encode
from tradebot.venue.port import Ticker

D = Decimal
TICK_MS: Final = 5_000
FALL_TICKS: Final = 240
"""Twenty minutes."""
AFTER_TICKS: Final = 60
START: Final = 10_000.0

Market = Literal["falls 60 %", "gaps 10 %", "loses its book"]
Gone = Literal["windows", "forecast", "Kafka", "the process"]

MARKETS: Final[tuple[Market, ...]] = ("falls 60 %", "gaps 10 %", "loses its book")
OUTAGES: Final[tuple[Gone, ...]] = ("windows", "forecast", "Kafka", "the process")

STOP: Final = D("0.05")
SLIPPAGE_BPS: Final = 500
POLICIES: Final[dict[str, Exits]] = {
    "no exit": Exits(),
    "stopLoss": Exits(stop_loss=STOP, max_slippage_bps=SLIPPAGE_BPS),
    "trailingStop": Exits(trailing_stop=STOP, max_slippage_bps=SLIPPAGE_BPS),
    "takeProfit": Exits(take_profit=STOP, max_slippage_bps=SLIPPAGE_BPS),
    "maxHoldMinutes": Exits(max_hold_ms=10 * 60_000, max_slippage_bps=SLIPPAGE_BPS),
    "noSignalMinutes": Exits(no_signal_ms=5 * 60_000, max_slippage_bps=SLIPPAGE_BPS),
    "restAtVenue": Exits(stop_loss=STOP, rest_at_venue=True, max_slippage_bps=SLIPPAGE_BPS),
}
BOUNDED: Final = ("stopLoss", "trailingStop", "restAtVenue")
"""Those that promise a loss; `restAtVenue` alone promises it without the process."""


def path(market: Market, seed: int) -> list[tuple[float, bool]]:
    """Price and whether there are bids, a tick each."""
    dice = random.Random(f"{market}-{seed}")
    prices, price = [], START
    gap = dice.randrange(20, FALL_TICKS - 20)
    for tick in range(FALL_TICKS + AFTER_TICKS):
        falling = market != "gaps 10 %" and tick < FALL_TICKS
        drift = 0.4 ** (1 / FALL_TICKS) if falling else 1.0
        price *= drift * (1 + dice.gauss(0, 0.0005))
        if market == "gaps 10 %" and tick == gap:
            price *= 0.9
        prices.append(price)
    emptied: set[int] = set()
    if market == "loses its book":
        for _ in range(3):
            first = dice.randrange(10, FALL_TICKS - 40)
            emptied |= set(range(first, first + 36))
    return [(price, tick not in emptied) for tick, price in enumerate(prices)]


class DrillVenue(WatchedVenue):
    """A venue whose book follows the path; it makes no mistakes."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, rate=0.0, base=D(0))
        self.levels: list[Level] = []
        self.last = D(str(START))

    def move(self, price: float, *, bids: bool) -> None:
        """The next tick; resting stops see the trade."""
        self.now += TICK_MS
        self.last = D(str(round(price, 2)))
        depth = [D(str(round(self.dice.uniform(0.1, 1.0), 4))) for _ in range(12)]
        self.levels = [
            ((self.last * (10_000 - 5 * (step + 1)) / 10_000).quantize(D("0.01")), amount)
            for step, amount in enumerate(depth)
            if bids
        ]
        for order in self.orders:
            if order.live and order.intent.stop is not None:
                order.triggered = order.triggered or self.last <= order.intent.stop
                if order.triggered:
                    self._take(order)

    async def bids(self) -> list[Level]:
        return list(self.levels)

    async def ticker(self) -> Ticker:
        bid = self.levels[0][0] if self.levels else D("0.01")
        ask = (self.last * D("1.0005")).quantize(D("0.01"))
        return Ticker(bid=bid, ask=ask, last=self.last, ts=self.now, volumes={})

    def _accept(self, intent: Intent) -> Resting:
        order = Resting(intent, self._id(), live=intent.stop is not None)
        self.orders.append(order)
        if intent.side == "buy":
            self.bid = self.last - 1
            self._fill(order, intent.amount)
        elif intent.stop is None:
            self._take(order)
        return order

    def _take(self, order: Resting) -> None:
        rest: list[Level] = []
        for price, size in self.levels:
            taken = min(order.left, size) if price >= order.intent.price else ZERO
            if taken:
                self.bid = price
                self._fill(order, taken)
            if size > taken:
                rest.append((price, size - taken))
        self.levels = rest


class NoForecast:
    """The forecast is gone."""

    def at(self, ts: int) -> Prediction | None:
        return None


class Message:
    """A record of the topic of trades."""

    def __init__(self, record: TradeRecord) -> None:
        self._value = encode(record)

    def value(self) -> bytes:
        return self._value


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """What one run lost, as fractions of what the position cost.

    `bound` is the stop, what the market fell by before an order could meet a bid, the slippage
    that one attempt may cost, and the fee. `alone` is what the exits left unsold, in base, until a
    new trader's first check at the end; `left` is what that check left.
    """

    loss: float
    bound: float
    alone: float
    left: float


async def run(market: Market, gone: Gone, exits: Exits, seed: int, amount: str = "2") -> Loss:
    """One drill."""
    rules = msgspec.structs.replace(RULES, holdings="Own", exits=exits)
    desk = Soak(seed=seed, windows=0, kill_rate=0.0, rules=rules)
    venue = DrillVenue(seed)
    venue.look = desk.venue.look
    desk.venue, desk.forecasts = venue, NoForecast()  # type: ignore[assignment]
    ticks = path(market, seed)
    venue.move(START, bids=True)
    await desk._start()
    await desk.engine.reconcile()
    intent = desk.journaled.intent(
        "buy", D(amount), D(11_000), mid=venue.last, window_end=0, name="buy", minimum=D(0)
    )
    await desk.engine.execute(intent)
    await desk.watch.look()
    cost = D(100_000) - venue.quote
    for tick, (price, bids) in enumerate(ticks):
        venue.move(price, bids=bids)
        if gone == "the process":
            continue
        desk.clock.observe(venue.now)
        if gone != "Kafka":
            trade = TradeRecord("BTCUSD", tick + 1, str(venue.last), "1", "bid", venue.now)
            desk.trades.take(Message(trade), venue.now)  # type: ignore[arg-type]
        if gone == "forecast" and tick % 12 == 0:
            await desk.decider.on_window(Window(end=venue.now, ratio=1.0, complete=True))
        await desk.watch.look()
    await desk._restart()
    await desk.engine.reconcile()
    alone = venue.base
    await desk.watch.look()
    ledger = desk.journaled.ledger
    assert (ledger.base, ledger.quote) == (venue.base, venue.quote), "the books are the venue's"
    assert not ledger.outside_trades, "all that was sold is the bot's own"
    worth = venue.quote + venue.base * venue.last - (D(100_000) - cost)
    entry = cost / D(amount)
    bound = _bound(ticks, entry, trails=exits.trailing_stop is not None)
    if gone == "the process" and alone:
        bound = max(bound, _loss_at(ticks[-1][0], entry))
    return Loss(
        loss=float(1 - worth / cost), bound=bound, alone=float(alone), left=float(venue.base)
    )


def _bound(ticks: list[tuple[float, bool]], entry: Decimal, *, trails: bool) -> float:
    """The largest loss that stop and slippage explain on this path.

    The stop is passed at some tick; the first order meets bids at the first tick from then on that
    has any, a second try at the next of them.
    """
    level, highest, passed = float(entry * (1 - STOP)), START, len(ticks) - 1
    for tick, (price, _) in enumerate(ticks):
        highest = max(highest, price)
        if price <= (highest * (1 - float(STOP)) if trails else level):
            passed = tick
            break
    bids = [price for price, there in ticks[passed:] if there][:3]
    return _loss_at(min(bids, default=ticks[-1][0]), entry)


def _loss_at(price: float, entry: Decimal) -> float:
    """The loss of a sale that begins at `price`, with its slippage and fee."""
    return 1 - price * (1 - SLIPPAGE_BPS / 10_000) * (1 - 0.004) / float(entry)
