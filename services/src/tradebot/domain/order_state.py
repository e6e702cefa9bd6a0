"""The state of an order: the same whatever the order and number of its events.

The venue's reports are kept as facts that only grow: ids seen, fills by trade id, the largest
executed amount, and whether the order was placed, refused or closed. Applying an event is the join
of a lattice, hence commutative, associative and idempotent. Amounts and phase are derived from the
facts. Invariants, for every sequence of events:

- filled + remaining + cancelled = original, and none is negative;
- filled never falls, remaining never rises, the phase never goes backwards.

`cancelled` may fall: a fill may arrive after the cancel was acknowledged. `filled` includes trades
that the venue broke later. They are also in `broken` and count in no balance; the order is not
executed again for them.
"""

from decimal import Decimal
from enum import IntEnum

import msgspec

from tradebot.domain.money import ZERO, Side


class Phase(IntEnum):
    """How far an order has come.

    `UNPLACED` is our conclusion from look-ups that found nothing; any report of the venue
    overrides it.
    """

    INTENDED = 0
    UNPLACED = 1
    OPEN = 2
    CLOSED = 3


class Fill(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One execution; the fee is the venue's, in `fee_currency`."""

    trade_id: int
    price: Decimal
    amount: Decimal
    fee: Decimal
    fee_currency: str
    taker: bool
    ts: int


class Told(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The venue reported the order: `executed` so far in all, and whether it is closed."""

    order_id: str
    executed: Decimal
    average: Decimal
    closed: bool
    reason: str = ""
    ts: int = 0


class Filled(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The venue reported one execution."""

    order_id: str
    fill: Fill


class Broken(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The venue broke one execution, as if it had not happened."""

    order_id: str
    fill: Fill


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The venue refused the order."""

    reason: str


class Unplaced(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The order was never sent, or look-ups did not find it."""

    reason: str


Event = Told | Filled | Broken | Refused | Unplaced


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """The facts known of one order. `average` belongs to `executed`.

    `fills` are those that count; `broken` are those that the venue broke.
    """

    side: Side
    price: Decimal
    original: Decimal
    order_ids: tuple[str, ...] = ()
    executed: Decimal = ZERO
    average: Decimal = ZERO
    fills: tuple[Fill, ...] = ()
    broken: tuple[Fill, ...] = ()
    told_closed: bool = False
    refused: bool = False
    given_up: bool = False
    reason: str = ""
    updated: int = 0

    @property
    def booked(self) -> Decimal:
        """The sum of all known fills, including broken ones."""
        return sum((fill.amount for fill in (*self.fills, *self.broken)), ZERO)

    @property
    def filled(self) -> Decimal:
        """The largest known executed amount, limited to the original amount."""
        return min(self.original, max(self.executed, self.booked))

    @property
    def excess(self) -> Decimal:
        """What was executed beyond the original amount; anything but 0 is the venue's error."""
        return max(self.executed, self.booked) - self.filled

    @property
    def phase(self) -> Phase:
        """How far the order has come, by all that is known."""
        if self.told_closed or self.refused or self.filled == self.original:
            return Phase.CLOSED
        if self.order_ids or self.filled > 0:
            return Phase.OPEN
        return Phase.UNPLACED if self.given_up else Phase.INTENDED

    @property
    def remaining(self) -> Decimal:
        """The amount that may still be executed."""
        return ZERO if self.phase == Phase.CLOSED else self.original - self.filled

    @property
    def cancelled(self) -> Decimal:
        """The amount that will not be executed."""
        return self.original - self.filled - self.remaining

    @property
    def unresolved(self) -> bool:
        """Whether to ask the venue: nothing is known yet, or it may still execute."""
        return self.phase in (Phase.INTENDED, Phase.OPEN)

    @property
    def unbooked(self) -> Decimal:
        """The executed amount whose fills are not known yet."""
        return max(ZERO, self.executed - self.booked)


def apply(order: Order, event: Event) -> Order:
    """Applies an event to the order; an event applied before changes nothing."""
    match event:
        case Told():
            return _told(order, event)
        case Filled():
            return _filled(order, event.order_id, event.fill)
        case Broken():
            return _broken(order, event.order_id, event.fill)
        case Refused():
            return msgspec.structs.replace(
                order, refused=True, reason=max(order.reason, event.reason)
            )
        case Unplaced():
            return msgspec.structs.replace(
                order, given_up=True, reason=max(order.reason, event.reason)
            )


def _filled(order: Order, order_id: str, fill: Fill) -> Order:
    known = any(one.trade_id == fill.trade_id for one in (*order.fills, *order.broken))
    return msgspec.structs.replace(
        order,
        fills=order.fills if known else tuple(sorted((*order.fills, fill))),
        order_ids=_with_id(order.order_ids, order_id),
        updated=max(order.updated, fill.ts),
    )


def _broken(order: Order, order_id: str, fill: Fill) -> Order:
    known = any(one.trade_id == fill.trade_id for one in order.broken)
    return msgspec.structs.replace(
        order,
        fills=tuple(one for one in order.fills if one.trade_id != fill.trade_id),
        broken=order.broken if known else tuple(sorted((*order.broken, fill))),
        order_ids=_with_id(order.order_ids, order_id),
        updated=max(order.updated, fill.ts),
    )


def _told(order: Order, event: Told) -> Order:
    executed, average = max((order.executed, order.average), (event.executed, event.average))
    return msgspec.structs.replace(
        order,
        order_ids=_with_id(order.order_ids, event.order_id),
        executed=executed,
        average=average,
        told_closed=order.told_closed or event.closed,
        reason=max(order.reason, event.reason),
        updated=max(order.updated, event.ts),
    )


def _with_id(ids: tuple[str, ...], order_id: str) -> tuple[str, ...]:
    return ids if order_id in ids else tuple(sorted((*ids, order_id)))
