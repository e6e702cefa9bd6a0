"""A trip: what was bought, what it was sold for, the costs, and its score.

Prices, amounts and fees are those of fills, never estimates. A sale of more than the trip bought
(base from elsewhere) counts pro rata.

A fee in base currency reduces the base. The trip counts it at the fill's price: a buy of 1 with a
fee of 0.01 base holds 0.99, and cost plus fees are the price of 1.
"""

from decimal import Decimal

import msgspec

from tradebot.domain.money import ZERO, Side
from tradebot.domain.order_state import Fill


class Traded(msgspec.Struct, frozen=True, kw_only=True):
    """A fill of the bot's own order, with what the account needs to know of that order.

    `fee_in_base` is true if the fee was taken in base currency. `name` names a trip that this fill
    opens. `mid` is the market's at the decision. `minimum` is the symbol's smallest order, 0 if
    unknown.
    """

    side: Side
    fill: Fill
    fee_in_base: bool
    name: str
    mid: Decimal
    minimum: Decimal = ZERO

    @property
    def key(self) -> tuple[int, Side]:
        """Trade id and side: a bot that trades with itself has two fills of one trade."""
        return (self.fill.trade_id, self.side)

    @property
    def place(self) -> tuple[int, int, Side]:
        """The fill's position among all fills: by the venue's time, then by trade id."""
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
        """The fill's value, in quote currency."""
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
    """A position that a buy opened. Money is in quote currency.

    `opened` and `opened_price` are the opening fill's. `entry_mids` and `exit_mids` are
    Σ mid × amount with the mids of the decisions, to measure slippage.
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
        """Bought and not yet sold."""
        return self.bought - self.sold

    @property
    def entry_price(self) -> Decimal:
        """Average price of a unit bought, without fees."""
        return self.cost / self.bought if self.bought else ZERO

    @property
    def exit_price(self) -> Decimal:
        """Average price of a unit sold, without fees."""
        return self.proceeds / self.sold if self.sold else ZERO

    @property
    def gross(self) -> Decimal:
        """Profit on what was sold, before fees."""
        return self.proceeds - self.entry_price * self.sold

    @property
    def fees(self) -> Decimal:
        """Entry fees of the part that was sold, and exit fees."""
        share = self.sold / self.bought if self.bought else ZERO
        return self.fees_in * share + self.fees_out

    @property
    def score(self) -> Decimal:
        """Profit on what was sold, after fees."""
        return self.gross - self.fees

    @property
    def slippage(self) -> Decimal:
        """Loss against the mids of the decisions, entry and exit together."""
        return (self.cost - self.entry_mids) + (self.exit_mids - self.proceeds)

    def unrealised(self, mid: Decimal) -> Decimal:
        """Returns the open amount's profit at `mid`, less its entry fees."""
        if not self.bought:
            return ZERO
        share = self.open_amount / self.bought
        return (mid - self.entry_price) * self.open_amount - self.fees_in * share


DUST = Decimal("1e-18")
"""Too small to trade at any venue; used for symbols without a smallest order."""


def holds(trip: Trip | None, minimum: Decimal) -> bool:
    """Whether the trip still holds at least the smallest order."""
    return trip is not None and trip.open_amount >= max(minimum, DUST)


def bought(trip: Trip | None, traded: Traded) -> Trip:
    """Adds a buy. It opens a new trip if none is open, or if only dust is left."""
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
    """Adds a sell of all or part of the trip."""
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
    """Returns the open part as a new trip, or `None` if nothing is open."""
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
    """Limits the trip to `held`: the rest was taken by others.

    That rest leaves with its share of cost and fees, without profit or loss for the bot. Returns
    `None` if nothing is left to sell and nothing was sold.
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
