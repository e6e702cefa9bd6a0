"""A bot's state, as `tradebot status` shows it."""

from decimal import Decimal

import msgspec

from tradebot.domain.account.trip import holds
from tradebot.domain.money import ZERO, plain
from tradebot.trader.journal.ledger import Ledger


class BotStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A bot's state. Money is in quote currency unless stated otherwise, as decimal strings. `base`
    and `quote` are the account's balances, `sells` the part of the base that the next sell would
    sell."""

    bot: str
    symbol: str
    mode: str
    epoch: int
    base: str
    quote: str
    mid: str
    equity: str
    realised: str
    unrealised: str
    trips: int
    bought: bool
    sells: str
    orders: int
    unresolved: int
    window_end: int
    halted: str
    paused: str
    outside_base: str
    outside_quote: str


def bot_status(
    ledger: Ledger,
    *,
    bot: str,
    symbol: str,
    mid: Decimal,
    minimum: Decimal,
    sells: Decimal,
    paused: str,
) -> BotStatus:
    """Returns the ledger's state at `mid`.

    Args:
        sells: the base that the bot may sell.
        paused: why this process sends no order, or "".
    """
    trip = ledger.trip
    return BotStatus(
        bot=bot,
        symbol=symbol,
        mode=ledger.mode,
        epoch=ledger.epoch,
        base=plain(ledger.base),
        quote=plain(ledger.quote),
        mid=plain(mid),
        equity=plain(ledger.quote + ledger.base * mid),
        realised=plain(ledger.realised),
        unrealised=plain(trip.unrealised(mid) if trip else ZERO),
        trips=ledger.trips,
        bought=holds(trip, minimum),
        sells=plain(sells),
        orders=ledger.number,
        unresolved=len(ledger.unresolved()),
        window_end=ledger.window_end,
        halted=ledger.halted,
        paused=ledger.paused or paused,
        outside_base=plain(ledger.outside_base),
        outside_quote=plain(ledger.outside_quote),
    )
