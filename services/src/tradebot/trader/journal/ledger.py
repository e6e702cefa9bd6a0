"""The bot's books: a pure fold over its journal.

`apply(ledger, body)` is the ledger after an entry; folding the whole journal from an empty ledger
gives what a trader knows when it starts. Nothing here asks a clock or the venue.
"""

from decimal import Decimal
from typing import Final

import msgspec

from tradebot.domain.intent import Intent
from tradebot.domain.money import ZERO
from tradebot.domain.order_state import Filled, Order
from tradebot.domain.order_state import apply as apply_event
from tradebot.domain.risk import marks as equity_marks
from tradebot.domain.score import Trip, add, holds, shrink
from tradebot.domain.situation import HOUR_MS, Marks
from tradebot.trader.journal.entries import (
    Balanced,
    Body,
    Decided,
    EpochTaken,
    Flattened,
    Halted,
    Intended,
    OrderEvent,
    Paused,
    Resumed,
    Snapshot,
    Watched,
)

KEPT_ORDERS: Final = 400
"""Resolved orders that stay in memory, to recognise their late fills."""


class Placed(msgspec.Struct, frozen=True):
    """An intent and what became of its order."""

    intent: Intent
    order: Order


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal says. `base` and `quote` are whole balances by our books."""

    epoch: int = 0
    mode: str = ""
    number: int = 0
    """Of the last intent; its next one's is one more."""
    base: Decimal = ZERO
    quote: Decimal = ZERO
    known: bool = False
    """Whether the balances were ever compared with the venue's."""
    outside_base: Decimal = ZERO
    outside_quote: Decimal = ZERO
    trades_to: int = 0
    outside_trades: frozenset[int] = frozenset()
    orders: dict[str, Placed] = {}
    pending: tuple[str, ...] = ()
    """Of the orders, those whose fate is not known or whose fills are not all booked."""
    trip: Trip | None = None
    realised: Decimal = ZERO
    trips: int = 0
    window_end: int = 0
    orders_at: tuple[int, ...] = ()
    marks: Marks | None = None
    watched_at: int = 0
    """When a look between windows was last written, ms."""
    signal_at: int = 0
    """The end of the last window that could be traded on, ms."""
    halted: str = ""
    paused: str = ""
    flattening: str = ""
    """Why a person wants everything sold; empty once that is done."""

    def unresolved(self) -> list[Placed]:
        """Orders whose fate is not known, or whose fills are not all booked."""
        return [self.orders[name] for name in self.pending]

    def bought(self, minimum: Decimal) -> bool:
        """Whether the bot holds what it bought, by more than could not be sold anyway."""
        return holds(self.trip, minimum)


def apply(ledger: Ledger, body: Body) -> Ledger:
    """The ledger after an entry."""
    match body:
        case EpochTaken():
            return _epoch(ledger, body)
        case Balanced():
            return _balanced(ledger, body)
        case Decided():
            return _decided(ledger, body)
        case Watched():
            return _watched(ledger, body)
        case Intended():
            return _intended(ledger, body.intent)
        case OrderEvent():
            return _order_event(ledger, body)
        case Halted():
            return msgspec.structs.replace(ledger, halted=body.reason)
        case Paused():
            return _paused(ledger, body)
        case Flattened():
            return msgspec.structs.replace(ledger, flattening="")
        case Resumed():
            return msgspec.structs.replace(
                ledger,
                halted="",
                paused="",
                flattening="",
                marks=None,  # losses are measured anew, or the same halt would come back at once
            )
        case Snapshot():
            return _decode(body.ledger)


def snapshot(ledger: Ledger) -> Snapshot:
    """The entry that takes the place of all that led to the ledger."""
    return Snapshot(ledger=msgspec.Raw(msgspec.json.encode(ledger)))


_decode = msgspec.json.Decoder(Ledger).decode


def _epoch(ledger: Ledger, body: EpochTaken) -> Ledger:
    """Paper's books say nothing of real money and the other way round: only numbers go on."""
    if ledger.mode in ("", body.mode):
        return msgspec.structs.replace(ledger, epoch=body.epoch, mode=body.mode)
    return Ledger(
        epoch=body.epoch,
        mode=body.mode,
        number=ledger.number,
        window_end=ledger.window_end,
        halted=ledger.halted,
        paused=ledger.paused,
        flattening=ledger.flattening,
    )


def _paused(ledger: Ledger, body: Paused) -> Ledger:
    flattening = body.because if body.flatten else ledger.flattening
    return msgspec.structs.replace(ledger, paused=body.because, flattening=flattening)


def _balanced(ledger: Ledger, body: Balanced) -> Ledger:
    shift = body.outside_quote + body.outside_base * body.mid
    trip = None if ledger.trip is None else shrink(ledger.trip, body.base)
    ledger = _ended(msgspec.structs.replace(ledger, trip=trip))
    return msgspec.structs.replace(
        ledger,
        base=body.base,
        quote=body.quote,
        known=True,
        number=max(ledger.number, body.number),
        outside_base=ledger.outside_base + body.outside_base,
        outside_quote=ledger.outside_quote + body.outside_quote,
        trades_to=max(ledger.trades_to, body.trades_to),
        outside_trades=_newest(ledger.outside_trades.union(body.outside_trades)),
        marks=equity_marks.shift(ledger.marks, shift) if shift else ledger.marks,
    )


def _newest(trades: frozenset[int]) -> frozenset[int]:
    """The trades that a page could bring again; trade ids rise with time."""
    return frozenset(sorted(trades)[-2000:])


def _decided(ledger: Ledger, body: Decided) -> Ledger:
    marks = ledger.marks
    if body.equity is not None:
        marks = equity_marks.advance(marks, body.equity, body.window_end)
    return msgspec.structs.replace(
        ledger,
        window_end=max(ledger.window_end, body.window_end),
        marks=marks,
        signal_at=body.window_end if body.usable else ledger.signal_at,
    )


def _watched(ledger: Ledger, body: Watched) -> Ledger:
    marks = ledger.marks
    if body.equity is not None:
        marks = equity_marks.advance(marks, body.equity, body.ts)
    return msgspec.structs.replace(ledger, marks=marks, watched_at=body.ts)


def _intended(ledger: Ledger, intent: Intent) -> Ledger:
    order = Order(side=intent.side, price=intent.price, original=intent.amount)
    recent = ledger.orders_at
    if intent.window_end:
        horizon = intent.window_end - HOUR_MS
        recent = (*(at for at in recent if at > horizon), intent.window_end)
    return msgspec.structs.replace(
        ledger,
        number=max(ledger.number, intent.number),
        orders=_pruned({**ledger.orders, intent.client_order_id: Placed(intent, order)}),
        pending=(*ledger.pending, intent.client_order_id),
        orders_at=recent,
        window_end=max(ledger.window_end, intent.window_end),
    )


def _pruned(orders: dict[str, Placed]) -> dict[str, Placed]:
    if len(orders) <= KEPT_ORDERS:
        return orders
    keep = set(list(orders)[-KEPT_ORDERS // 2 :])
    return {
        name: placed for name, placed in orders.items() if name in keep or not is_over(placed.order)
    }


def _order_event(ledger: Ledger, body: OrderEvent) -> Ledger:
    placed = ledger.orders[body.client_order_id]
    order = apply_event(placed.order, body.event)
    if order == placed.order:
        return ledger
    orders = {**ledger.orders, body.client_order_id: Placed(placed.intent, order)}
    others = tuple(name for name in ledger.pending if name != body.client_order_id)
    pending = others if is_over(order) else (*others, body.client_order_id)
    after = msgspec.structs.replace(ledger, orders=orders, pending=pending)
    if isinstance(body.event, Filled) and len(order.fills) > len(placed.order.fills):
        return _booked(after, placed.intent, body.event)
    return after


def _booked(ledger: Ledger, intent: Intent, event: Filled) -> Ledger:
    """The balances and the trip after a fill that was not known before."""
    fill = event.fill
    value = fill.price * fill.amount
    sign = 1 if intent.side == "buy" else -1
    trip = add(ledger.trip, intent.side, fill, trip_id=intent.decision_id, mid=intent.mid)
    after = msgspec.structs.replace(
        ledger,
        base=ledger.base + sign * fill.amount,
        quote=ledger.quote - sign * value - fill.fee,
        trip=trip,
    )
    return after if intent.side == "buy" else _ended(after)


def _ended(ledger: Ledger) -> Ledger:
    """The ledger with its trip counted, where all that was bought is sold."""
    trip = ledger.trip
    if trip is None or trip.open_amount > 0:
        return ledger
    return msgspec.structs.replace(
        ledger, trip=None, realised=ledger.realised + trip.score, trips=ledger.trips + 1
    )


def closed_trip(before: Ledger, after: Ledger, body: Body) -> Trip | None:
    """The round trip that `body` brought to its end, if it did."""
    if after.trips == before.trips or before.trip is None:
        return None
    match body:
        case Balanced():
            return shrink(before.trip, body.base)
        case OrderEvent(event=Filled(fill=fill)):
            intent = after.orders[body.client_order_id].intent
            return add(before.trip, intent.side, fill, trip_id=intent.decision_id, mid=intent.mid)
        case _:
            return None


def is_over(order: Order) -> bool:
    """Whether nothing more is expected of the order: its fate is known, all fills are booked."""
    return not order.unresolved and order.unbooked == 0
