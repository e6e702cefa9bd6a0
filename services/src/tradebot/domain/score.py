"""The score of a round trip: what was bought, what it was sold for, and what that cost.

Prices, amounts and fees are those of fills, never assumed. A sale beyond what the trip bought
(base that came from elsewhere) is no part of the trip: its fill counts pro rata.
"""

from decimal import Decimal

import msgspec

from tradebot.domain.money import ZERO, Side
from tradebot.domain.order_state import Fill


class Trip(msgspec.Struct, frozen=True, kw_only=True):
    """A position that was opened by buying. Money in quote currency.

    `entry_mids` and `exit_mids` are Σ mid × amount with the mids of the decisions, to measure
    slippage against.
    """

    trip_id: str
    opened: int
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
    """Whether what was bought is still held, by more than could not be sold anyway."""
    return trip is not None and trip.open_amount >= max(minimum, DUST)


def add(trip: Trip | None, side: Side, fill: Fill, *, trip_id: str, mid: Decimal) -> Trip | None:
    """The trip after a fill; a buy opens one, a sell without one leaves none.

    Args:
        trip_id: names the trip if this fill opens it.
        mid: the market's at the decision.
    """
    if side == "buy":
        trip = trip or Trip(trip_id=trip_id, opened=fill.ts)
        return msgspec.structs.replace(
            trip,
            bought=trip.bought + fill.amount,
            cost=trip.cost + fill.price * fill.amount,
            fees_in=trip.fees_in + fill.fee,
            entry_mids=trip.entry_mids + mid * fill.amount,
        )
    if trip is None or trip.open_amount <= 0:
        return trip
    amount = min(fill.amount, trip.open_amount)
    return msgspec.structs.replace(
        trip,
        sold=trip.sold + amount,
        proceeds=trip.proceeds + fill.price * amount,
        fees_out=trip.fees_out + fill.fee * amount / fill.amount,
        exit_mids=trip.exit_mids + mid * amount,
        closed=fill.ts,
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
