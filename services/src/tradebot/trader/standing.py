"""Where a bot stands, as `tradebot status` shows it."""

from decimal import Decimal

import msgspec

from tradebot.domain.money import ZERO
from tradebot.trader.ledger import Ledger


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a bot stands. Money in quote currency where not said otherwise."""

    bot: str
    symbol: str
    mode: str
    epoch: int
    base: Decimal
    quote: Decimal
    mid: Decimal
    equity: Decimal
    realised: Decimal
    unrealised: Decimal
    trips: int
    bought: bool
    orders: int
    unresolved: int
    window_end: int
    halted: str
    paused: str
    outside_base: Decimal
    outside_quote: Decimal


def standing(
    ledger: Ledger, *, bot: str, symbol: str, mid: Decimal, minimum: Decimal, paused: str
) -> Standing:
    """What the books say at `mid`; `paused` is why this process sends no order, or ""."""
    trip = ledger.trip
    return Standing(
        bot=bot,
        symbol=symbol,
        mode=ledger.mode,
        epoch=ledger.epoch,
        base=ledger.base,
        quote=ledger.quote,
        mid=mid,
        equity=ledger.quote + ledger.base * mid,
        realised=ledger.realised,
        unrealised=trip.unrealised(mid) if trip else ZERO,
        trips=ledger.trips,
        bought=ledger.bought(minimum),
        orders=ledger.number,
        unresolved=len(ledger.unresolved()),
        window_end=ledger.window_end,
        halted=ledger.halted,
        paused=ledger.paused or paused,
        outside_base=ledger.outside_base,
        outside_quote=ledger.outside_quote,
    )
