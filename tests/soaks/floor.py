"""A market whose order book the test sets: an order takes what the bids pay, down to its limit."""

from decimal import Decimal
from typing import Any

from msgspec.structs import replace
from soaks.orders import RULES, Soak
from venues.resting import Resting

from tradebot.domain.decision import Exits
from tradebot.domain.exits.pricing import Level
from tradebot.domain.intent import Intent
from tradebot.venue.port import Ticker

D = Decimal


class Floor:
    """Replaces the desk's market.

    Args:
        last: the last trade's price; the best bid by default.
    """

    def __init__(
        self, desk: Soak, bids: list[Level], ask: Decimal, last: Decimal | None = None
    ) -> None:
        self.desk, self.bids, self.ask, self.last = desk, list(bids), ask, last
        self.sent: list[Decimal] = []
        venue = desk.venue
        venue.bids = self._bids  # type: ignore[method-assign]
        venue.ticker = self._ticker  # type: ignore[method-assign]
        venue._accept = self._accept  # type: ignore[method-assign]

    async def _bids(self) -> list[Level]:
        return list(self.bids)

    async def _ticker(self) -> Ticker:
        bid = self.bids[0][0] if self.bids else D("0.01")
        last = bid if self.last is None else self.last
        return Ticker(bid=bid, ask=self.ask, last=last, ts=self.desk.venue.now, volumes={})

    def _accept(self, intent: Intent) -> Resting:
        venue = self.desk.venue
        order = Resting(intent, venue._id())
        venue.orders.append(order)
        self.sent.append(intent.price)
        if intent.side == "buy":
            venue.bid = self.ask - 1
            venue._fill(order, intent.amount)
            return order
        left, rest = intent.amount, []
        for price, size in self.bids:
            taken = min(left, size) if price >= intent.price else D(0)
            if taken:
                venue.bid, left = price, left - taken
                venue._fill(order, taken)
            if size > taken:
                rest.append((price, size - taken))
        self.bids = rest
        order.reason = "ImmediateOrCancelWouldPost" if left else ""
        return order


async def at_a_quiet_venue(base: int = 1, **rules: Any) -> Soak:
    """Returns a reconciled trader at a venue without faults that holds `base`."""
    desk = Soak(seed=1, windows=0, kill_rate=0.0, rules=replace(RULES, **rules))
    desk.venue.rate, desk.venue.base = 0.0, D(base)
    await desk._start()
    await desk.engine.reconcile()
    return desk


async def holding(exits: Exits, **rules: Any) -> tuple[Soak, Floor]:
    """Returns a trader that bought 1 base at about 10,000 in a deep market, and that market."""
    desk = await at_a_quiet_venue(0, holdings="Own", exits=exits, **rules)
    floor = Floor(desk, [(D(10_000), D(50))], ask=D(10_001))
    intent = desk.journaled.intent(
        "buy", D(1), D(10_100), mid=D(10_000), window_end=desk.venue.now, name="btc-1",
        minimum=D("0.00001"),
    )  # fmt: skip
    await desk.engine.execute(intent)
    assert desk.venue.base == 1
    return desk, floor
