"""Gains by lots: which bought amount a sale sold. Pure, in Decimal.

A buy opens a lot with its amount and its cost, fees included. A sale closes lots in the order of
the method; its proceeds, less fees, are shared among them by amount. For every list of fills,

    sum of gains = proceeds - cost of all buys + cost of the lots that are still open.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Final, Literal

import msgspec

Method = Literal["FIFO", "LIFO", "HIFO"]
"""First in, first out; last in, first out; highest cost first."""

ZERO: Final = Decimal(0)


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """A fill. `ts` is in ms; `fee_base` and `fee_quote` are the fee in either currency."""

    ts: int
    trade_id: str
    side: Literal["buy", "sell"]
    price: Decimal
    amount: Decimal
    fee_quote: Decimal = ZERO
    fee_base: Decimal = ZERO


class Lot(msgspec.Struct, frozen=True, kw_only=True):
    """The rest of a buy: the amount received, and its cost in quote currency."""

    ts: int
    trade_id: str
    amount: Decimal
    cost: Decimal

    @property
    def unit_cost(self) -> Decimal:
        """Cost of one unit of base currency."""
        return self.cost / self.amount


UNKNOWN: Final = Lot(ts=0, trade_id="", amount=ZERO, cost=ZERO)
"""What was sold without a known buy."""

STEP: Final = Decimal("1e-12")


class Gain(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a sale, with the part of a lot that it sold. Money is in quote currency.

    `acquired` is 0 and `cost` zero for an amount that no known buy explains.
    """

    acquired: int
    sold: int
    buy: str
    sell: str
    amount: Decimal
    cost: Decimal
    proceeds: Decimal

    @property
    def gain(self) -> Decimal:
        """Proceeds less cost."""
        return self.proceeds - self.cost


class Gains(msgspec.Struct, frozen=True, kw_only=True):
    """The gains, oldest sale first, and the lots that are still open, oldest first."""

    gains: tuple[Gain, ...]
    open: tuple[Lot, ...]

    @property
    def total(self) -> Decimal:
        """The sum of all gains."""
        return sum((each.gain for each in self.gains), ZERO)

    @property
    def open_cost(self) -> Decimal:
        """The cost of the open lots."""
        return sum((lot.cost for lot in self.open), ZERO)


_NEXT: Final[dict[str, Callable[[Sequence[Lot]], int]]] = {
    "FIFO": lambda _lots: 0,
    "LIFO": lambda lots: len(lots) - 1,
    "HIFO": lambda lots: max(range(len(lots)), key=lambda place: lots[place].unit_cost),
}


def gains_of(trades: Sequence[Trade], method: Method) -> Gains:
    """Computes the gains of trades, given oldest first.

    >>> buy = Trade(ts=1, trade_id="1", side="buy", price=Decimal(10), amount=Decimal(2))
    >>> sell = Trade(ts=2, trade_id="2", side="sell", price=Decimal(15), amount=Decimal(1))
    >>> gains_of([buy, sell], "FIFO").total
    Decimal('5.000000000000')
    """
    lots: list[Lot] = []
    gains: list[Gain] = []
    for trade in trades:
        if trade.side == "buy":
            lots += _opened(trade)
        else:
            gains += _closed(trade, lots, _NEXT[method])
    return Gains(gains=tuple(gains), open=tuple(lots))


def _opened(trade: Trade) -> list[Lot]:
    """Returns the lot of a buy; none if its fee took the whole amount."""
    received = trade.amount - trade.fee_base
    cost = trade.price * trade.amount + trade.fee_quote
    if received <= 0:
        return []
    return [Lot(ts=trade.ts, trade_id=trade.trade_id, amount=received, cost=cost)]


def _closed(
    trade: Trade, lots: list[Lot], choose: Callable[[Sequence[Lot]], int]
) -> Iterator[Gain]:
    """Yields the gains of a sale, and takes what it sold out of `lots`."""
    sold, proceeds = trade.amount + trade.fee_base, trade.price * trade.amount - trade.fee_quote
    left, shared = sold, ZERO
    while left > 0:
        place = choose(lots) if lots else None
        lot = UNKNOWN if place is None else lots[place]
        amount = left if place is None else min(left, lot.amount)
        left -= amount
        # The last part takes the rest, so that the parts add up to the sale exactly.
        share = proceeds - shared if left == 0 else _part(proceeds, amount, sold)
        cost = (
            lot.cost
            if place is None or amount == lot.amount
            else _part(lot.cost, amount, lot.amount)
        )
        shared += share
        yield Gain(
            acquired=lot.ts,
            sold=trade.ts,
            buy=lot.trade_id,
            sell=trade.trade_id,
            amount=amount,
            cost=cost,
            proceeds=share,
        )
        if place is not None and amount == lot.amount:
            del lots[place]
        elif place is not None:
            lots[place] = msgspec.structs.replace(
                lot, amount=lot.amount - amount, cost=lot.cost - cost
            )


def _part(money: Decimal, amount: Decimal, whole: Decimal) -> Decimal:
    """Money in proportion to an amount, in steps so fine that sums stay exact."""
    return (money * amount / whole).quantize(STEP)
