"""The bot's ledger: a pure fold over its journal.

`apply(ledger, body)` returns the ledger after an entry. Folding the whole journal from an empty
ledger gives a starting trader's knowledge. Nothing here reads a clock or the venue.
"""

from decimal import Decimal
from typing import Final

import msgspec

from tradebot.domain.account import fold
from tradebot.domain.account.trip import Traded, paid_in_base
from tradebot.domain.intent import Intent
from tradebot.domain.money import ZERO
from tradebot.domain.order_state import Fill, Order, Phase
from tradebot.domain.order_state import apply as apply_event
from tradebot.domain.situation import DAY_MS
from tradebot.platform.control import Control
from tradebot.trader.journal.entries import (
    Adopted,
    Balanced,
    Body,
    Decided,
    EpochTaken,
    Flattened,
    Halted,
    Intended,
    Obeyed,
    OrderEvent,
    Paused,
    Repaired,
    Resumed,
    Snapshot,
    Watched,
)

KEPT_ORDERS: Final = 400
"""Number of resolved orders kept in memory, to recognise their late fills."""


class Placed(msgspec.Struct, frozen=True):
    """An intent and its order."""

    intent: Intent
    order: Order


class Ledger(fold.Account, frozen=True, kw_only=True):
    """The journal's content: the account, the orders that made it, and who may act for it.

    `outside_base` and `outside_quote` are the totals that others moved, `outside_traded` the
    venue's time (ms) of their last trade with this account's key, 0 if there was none. `held_base`
    and `held_quote` are what orders of others hold of the balances.
    """

    epoch: int = 0
    mode: str = ""
    number: int = 0
    """The last intent's number; the next one's is one more."""
    known: bool = False
    """Whether the balances were ever compared with the venue's."""
    outside_base: Decimal = ZERO
    outside_quote: Decimal = ZERO
    held_base: Decimal = ZERO
    held_quote: Decimal = ZERO
    trades_to: int = 0
    outside_trades: frozenset[int] = frozenset()
    outside_traded: int = 0
    orders: dict[str, Placed] = msgspec.field(default_factory=dict)
    pending: tuple[str, ...] = ()
    """Orders whose result is unknown or whose fills are not all booked."""
    window_end: int = 0
    watched_at: int = 0
    """Time of the last journaled check between windows, ms."""
    signal_at: int = 0
    """The end of the last window that could be traded on, ms."""
    halted: str = ""
    paused: str = ""
    flattening: str = ""
    """Why a person wants everything sold; empty once that is done."""
    obeyed: Control | None = None
    """The last order of the bot's TradeBot that was obeyed."""
    adopted: str = ""
    """Why a person started a new journal for a bot that had traded before; empty otherwise."""

    def unresolved(self) -> list[Placed]:
        """Returns orders whose result is unknown, or whose fills are not all booked."""
        return [placed for placed in self._pending() if not rests(placed)]

    def resting(self) -> list[Placed]:
        """Returns stops and maker orders that rest at the venue, by its last report."""
        return [placed for placed in self._pending() if rests(placed)]

    def making(self) -> list[Placed]:
        """Returns the maker orders among them."""
        return [placed for placed in self.resting() if placed.intent.maker is not None]

    def _pending(self) -> list[Placed]:
        return [self.orders[name] for name in self.pending]


def apply(ledger: Ledger, body: Body) -> Ledger:
    """Returns the ledger after an entry."""
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
                marks=None,  # losses are measured afresh, or the same halt would return at once
            )
        case Obeyed():
            return msgspec.structs.replace(ledger, obeyed=body.control)
        case Repaired():
            return _repaired(ledger, body.to)
        case Adopted():
            return msgspec.structs.replace(ledger, adopted=body.because)
        case Snapshot():
            return decode_ledger(body.ledger)


def snapshot(ledger: Ledger) -> Snapshot:
    """Returns the entry that replaces all that led to the ledger."""
    return Snapshot(ledger=msgspec.Raw(msgspec.json.encode(ledger)))


decode_ledger = msgspec.json.Decoder(Ledger).decode
"""The ledger that a snapshot holds."""


def _epoch(ledger: Ledger, body: EpochTaken) -> Ledger:
    """A paper ledger says nothing about real money, nor the reverse: only numbers carry over."""
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
        obeyed=ledger.obeyed,
    )


def _repaired(ledger: Ledger, to: int) -> Ledger:
    """Limits marks to `to`; losses of a day in the future are measured afresh."""
    marks = ledger.marks
    return msgspec.structs.replace(
        ledger,
        window_end=min(ledger.window_end, to),
        watched_at=min(ledger.watched_at, to),
        signal_at=min(ledger.signal_at, to),
        trades_to=min(ledger.trades_to, to),
        orders_at=tuple(at for at in ledger.orders_at if at <= to),
        marks=None if marks is not None and marks.day > to // DAY_MS else marks,
    )


def _paused(ledger: Ledger, body: Paused) -> Ledger:
    flattening = body.because if body.flatten else ledger.flattening
    return msgspec.structs.replace(ledger, paused=body.because, flattening=flattening)


def _balanced(ledger: Ledger, body: Balanced) -> Ledger:
    flow_base = body.outside_base - body.traded_base
    flow_quote = body.outside_quote - body.traded_quote
    flow = flow_quote + flow_base * body.mid
    ledger = fold.balanced(ledger, body.base, body.quote, flow, body.mid)
    return msgspec.structs.replace(
        ledger,
        known=True,
        number=max(ledger.number, body.number),
        outside_base=ledger.outside_base + body.outside_base,
        outside_quote=ledger.outside_quote + body.outside_quote,
        held_base=body.held_base,
        held_quote=body.held_quote,
        outside_traded=max(ledger.outside_traded, body.traded_at),
        trades_to=max(ledger.trades_to, body.trades_to),
        outside_trades=_newest(ledger.outside_trades.union(body.outside_trades)),
    )


def _newest(trades: frozenset[int]) -> frozenset[int]:
    """Returns the trades that a page could return again; trade ids rise with time."""
    return frozenset(sorted(trades)[-2000:])


def _decided(ledger: Ledger, body: Decided) -> Ledger:
    ledger = fold.marked(ledger, body.window_end, body.equity, body.mid)
    return msgspec.structs.replace(
        ledger,
        window_end=max(ledger.window_end, body.window_end),
        signal_at=body.window_end if body.usable else ledger.signal_at,
    )


def _watched(ledger: Ledger, body: Watched) -> Ledger:
    ledger = fold.marked(ledger, body.ts, body.equity, body.mid)
    return msgspec.structs.replace(ledger, watched_at=body.ts)


def _intended(ledger: Ledger, intent: Intent) -> Ledger:
    order = Order(side=intent.side, price=intent.price, original=intent.amount)
    if intent.window_end:
        ledger = fold.ordered(ledger, intent.window_end)
    return msgspec.structs.replace(
        ledger,
        number=max(ledger.number, intent.number),
        orders=_pruned({**ledger.orders, intent.client_order_id: Placed(intent, order)}),
        pending=(*ledger.pending, intent.client_order_id),
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
    after = _counted(after, placed.intent, placed.order, order)
    for fill in fills_of(placed.order, order):
        after = fold.booked(after, _traded(placed.intent, fill))
    for fill in fills_of(order, placed.order):
        after = fold.broken(after, _traded(placed.intent, fill))
    return after


def fills_of(before: Order, after: Order) -> tuple[Fill, ...]:
    """Returns the fills that are in `after` and not in `before`."""
    known = {fill.trade_id for fill in before.fills}
    return tuple(fill for fill in after.fills if fill.trade_id not in known)


def _counted(ledger: Ledger, intent: Intent, before: Order, after: Order) -> Ledger:
    """Counts the order in the ledger's order times only if the venue accepted it."""
    if not intent.window_end or _counts(before) == _counts(after):
        return ledger
    count = fold.ordered if _counts(after) else fold.not_ordered
    return count(ledger, intent.window_end)


def _counts(order: Order) -> bool:
    refused = order.refused and not order.order_ids and not order.filled
    return not refused and order.phase != Phase.UNPLACED


def _traded(intent: Intent, fill: Fill) -> Traded:
    return Traded(
        side=intent.side,
        fill=fill,
        fee_in_base=paid_in_base(intent.symbol, fill.fee_currency),
        name=intent.decision_id,
        mid=intent.mid,
        minimum=intent.minimum,
    )


def rests(placed: Placed) -> bool:
    """Whether the order is one that rests and is accepted, with all known fills booked."""
    order = placed.order
    return placed.intent.rests and order.phase is Phase.OPEN and order.unbooked == 0


def is_settled(placed: Placed) -> bool:
    """Whether nothing about the order is in doubt: it is over, or it rests as it should."""
    return is_over(placed.order) or rests(placed)


def is_over(order: Order) -> bool:
    """Whether nothing more is expected of the order: its result and all fills are known."""
    return not order.unresolved and order.unbooked == 0
