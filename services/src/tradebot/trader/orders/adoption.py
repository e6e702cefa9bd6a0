"""Sales of this bot at the venue that its journal lacks.

A trader whose journal is down still sells what the bot holds, and keeps the entries in a local file
(`tradebot.trader.journal.outage`). If its node is lost, so is the file. The next trader finds the
fills at the venue and adopts their orders. Anything else in the bot's name halts it, as before.
"""

from collections.abc import Iterable
from decimal import Decimal

from tradebot.domain.intent import Intent, OrderName, read_name
from tradebot.trader.journal.ledger import Ledger
from tradebot.venue.port import OrderStatus, OwnTrade


def unknown_sales(ledger: Ledger, bot: str, trades: Iterable[OwnTrade]) -> list[str]:
    """Returns the client order ids, in order, of sales that an earlier trader of `bot` sent.

    Their numbers follow the last that the ledger knows, and no epoch is above its own.
    """
    found: dict[str, OrderName] = {}
    for trade in trades:
        name = read_name(trade.client_order_id)
        if name is None or name.bot != bot or trade.side != "sell" or trade.broken:
            continue
        if name.number > ledger.number and name.epoch <= ledger.epoch:
            found[trade.client_order_id] = name
    return sorted(found, key=lambda each: (found[each].number, found[each].epoch))


def adopted(ledger: Ledger, client_order_id: str, found: list[OrderStatus]) -> Intent | None:
    """Returns the intent behind the order; `None` if the bot held less than the order sold.

    What only the lost entries contained, such as the reason and the mid, is unknown.
    """
    name = read_name(client_order_id)
    if name is None or len(found) != 1 or found[0].side != "sell":
        return None
    order = found[0]
    held = ledger.trip.open_amount if ledger.trip is not None else Decimal(0)
    if order.executed > held:
        return None
    return Intent(
        client_order_id=client_order_id,
        epoch=name.epoch,
        number=name.number,
        decision_id=f"{name.bot}-adopted-{name.epoch}-{name.number}",
        symbol=order.symbol,
        side="sell",
        amount=order.original,
        price=order.price,
        mid=order.average or order.price,
        window_end=0,
        created=order.ts,
        reduces=True,
        minimum=max(
            (placed.intent.minimum for placed in ledger.orders.values()), default=Decimal(0)
        ),
    )
