"""A round trip: what was bought, what it was sold for, what that cost, and its score.

Prices, amounts and fees are those of fills, never assumed. A sale beyond what the trip bought
(base that came from elsewhere) is no part of the trip: its fill counts pro rata.

A fee in base currency is taken from the base. The trip counts it at the fill's price: a buy of 1
with a fee of 0.01 base holds 0.99, and cost and fees together are what was paid for 1.
"""

from decimal import Decimal

import msgspec

from tradebot.domain.money import ZERO, Side
from tradebot.domain.order_state import Fill


class Traded(msgspec.Struct, frozen=True, kw_only=True):
    """A fill of the bot's own order, with what the account needs to know of that order.

    `fee_in_base` says in which of the two currencies the fee was taken. `name` names a trip that
    this fill opens. `mid` is the market's at the decision. `minimum` is the smallest order of the
    symbol, 0 where it is not known.
    """

    side: Side
    fill: Fill
    fee_in_base: bool
    name: str
    mid: Decimal
    minimum: Decimal = ZERO

    @property
    def key(self) -> tuple[int, Side]:
        """Its trade id, and the side: a bot that trades with itself has two fills of one trade."""
        return (self.fill.trade_id, self.side)

    @property
    def place(self) -> tuple[int, int, Side]:
        """Where the fill stands among all fills: by the venue's time, then by trade id."""
        return (self.fill.ts, *self.key)

    @property
    def base(self) -> Decimal:
        """The change of the base balance."""
        sign = 1 if self.side == "buy" else -1
        return sign * self.fill.amount - (self.fill.fee if self.fee_in_base else ZERO)

    @property
    def quote(self) -> Decimal:
        """The change of the quote balance."""
        sign = 1 if self.side == "buy" else -1
        fee = ZERO if self.fee_in_base else self.fill.fee
        return -sign * self.fill.price * self.fill.amount - fee

    @property
    def value(self) -> Decimal:
        """What was traded, in quote currency."""
        return self.fill.price * self.fill.amount

    @property
    def fee(self) -> Decimal:
        """The fee in quote currency, at the fill's price."""
        return self.fill.fee * self.fill.price if self.fee_in_base else self.fill.fee


def paid_in_base(symbol: str, currency: str) -> bool:
    """Whether `currency` is the symbol's base currency; anything else counts as the quote.

    >>> paid_in_base("BTCUSD", "BTC"), paid_in_base("BTCUSD", "USD"), paid_in_base("USDCUSD", "USD")
    (True, False, False)
    """
    symbol, currency = symbol.upper(), currency.upper()
    return symbol.startswith(currency) and not symbol.endswith(currency)


class Trip(msgspec.Struct, frozen=True, kw_only=True):
    """A position that was opened by buying. Money in quote currency.

    `opened` and `opened_price` are of the fill that opened it. `entry_mids` and `exit_mids` are
    Σ mid × amount with the mids of the decisions, to measure slippage against.
    """

    trip_id: str
    opened: int
    opened_price: Decimal = ZERO
    bought: Decimal = ZERO
    cost: Decimal = ZERO
    fees_in: Decimal = ZERO
    entry_mids: Decimal = ZERO
    sold: Decimal = ZERO
    proceeds: Decimal = ZERO
    fees_out: Decimal = ZERO
    exit_mids: Decimal = ZERO
    closed: int = 0

    @property
    def open_amount(self) -> Decimal:
        """Bought and not sold again."""
        return self.bought - self.sold

    @property
    def entry_price(self) -> Decimal:
        """What a unit cost on average, without fees."""
        return self.cost / self.bought if self.bought else ZERO

    @property
    def exit_price(self) -> Decimal:
        """What a unit was sold for on average, without fees."""
        return self.proceeds / self.sold if self.sold else ZERO

    @property
    def gross(self) -> Decimal:
        """Gained on what was sold, before fees."""
        return self.proceeds - self.entry_price * self.sold

    @property
    def fees(self) -> Decimal:
        """Fees in, for the part that was sold, and fees out."""
        share = self.sold / self.bought if self.bought else ZERO
        return self.fees_in * share + self.fees_out

    @property
    def score(self) -> Decimal:
        """Gained on what was sold, after fees."""
        return self.gross - self.fees

    @property
    def slippage(self) -> Decimal:
        """Lost against the mids of the decisions, on both ways."""
        return (self.cost - self.entry_mids) + (self.exit_mids - self.proceeds)

    def unrealised(self, mid: Decimal) -> Decimal:
        """What the open amount would gain at `mid`, its fees in taken off."""
        if not self.bought:
            return ZERO
        share = self.open_amount / self.bought
        return (mid - self.entry_price) * self.open_amount - self.fees_in * share


DUST = Decimal("1e-18")
"""An amount that no venue trades, for symbols without a smallest order."""


def holds(trip: Trip | None, minimum: Decimal) -> bool:
    """Whether the trip still holds an amount that can be sold: the smallest order or more."""
    return trip is not None and trip.open_amount >= max(minimum, DUST)


def bought(trip: Trip | None, traded: Traded) -> Trip:
    """The trip after a buy. It opens a trip where none is open, or where only dust is left."""
    fill = traded.fill
    amount = traded.base
    held = rest(trip) if trip is not None and not holds(trip, traded.minimum) else trip
    if held is None or held is not trip:
        opened = {"trip_id": traded.name, "opened": fill.ts, "opened_price": fill.price}
        dust = held or Trip(trip_id="", opened=0)
        held = msgspec.structs.replace(dust, **opened)
    return msgspec.structs.replace(
        held,
        bought=held.bought + amount,
        cost=held.cost + fill.price * amount,
        fees_in=held.fees_in + traded.fee,
        entry_mids=held.entry_mids + traded.mid * amount,
    )


def sold(trip: Trip, traded: Traded) -> Trip:
    """The trip after a sell of all or a part of it."""
    fill, gone = traded.fill, -traded.base
    amount = min(gone, trip.open_amount)
    return msgspec.structs.replace(
        trip,
        sold=trip.sold + amount,
        proceeds=trip.proceeds + fill.price * amount,
        fees_out=trip.fees_out + traded.fee * amount / gone,
        exit_mids=trip.exit_mids + traded.mid * amount,
        closed=fill.ts,
    )


def rest(trip: Trip) -> Trip | None:
    """The open part of a trip as a trip of its own, or `None` where nothing is open."""
    if not trip.sold:
        return trip
    if trip.open_amount <= 0:
        return None
    share = trip.open_amount / trip.bought
    return Trip(
        trip_id=trip.trip_id,
        opened=trip.opened,
        opened_price=trip.opened_price,
        bought=trip.open_amount,
        cost=trip.cost * share,
        fees_in=trip.fees_in * share,
        entry_mids=trip.entry_mids * share,
    )


def shrink(trip: Trip, held: Decimal) -> Trip | None:
    """The trip when no more than `held` of it can be sold: others took the rest away.

    What is gone leaves with its share of cost and fees, neither gained nor lost by the bot.
    Where nothing is left to sell and nothing was sold, there is no trip any more.
    """
    gone = trip.open_amount - max(held, ZERO)
    if gone <= 0:
        return trip
    if gone == trip.bought:
        return None
    kept = 1 - gone / trip.bought
    return msgspec.structs.replace(
        trip,
        bought=trip.bought - gone,
        cost=trip.cost * kept,
        fees_in=trip.fees_in * kept,
        entry_mids=trip.entry_mids * kept,
    )
