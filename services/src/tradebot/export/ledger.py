"""A bot's fills and orders from the store, as trades, and whether they agree. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from tradebot.domain.money import exact
from tradebot.export.lots import ZERO, Trade


def trade_of(fill: Mapping[str, Any]) -> Trade | None:
    """Converts a fill's document to a trade; `None` if the venue broke it."""
    if fill.get("broken"):
        return None
    fee = exact(fill["fee"])
    in_base = bool(fill["fee_currency"]) and fill["fee_currency"] == fill["base"]
    return Trade(
        ts=fill["ts"],
        trade_id=fill["trade_id"],
        side=fill["side"],
        price=exact(fill["price"]),
        amount=exact(fill["amount"]),
        fee_base=fee if in_base else ZERO,
        fee_quote=ZERO if in_base else fee,
    )


def disagreements(
    orders: Iterable[Mapping[str, Any]], fills: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    """Yields a sentence for each order whose fills do not add up to what the venue executed."""
    filled: dict[str, Decimal] = {}
    for fill in fills:
        if not fill.get("broken"):
            order = fill["client_order_id"]
            filled[order] = filled.get(order, ZERO) + exact(fill["amount"])
    for order in orders:
        name, executed = order["client_order_id"], exact(order["executed_amount"])
        found = filled.pop(name, ZERO)
        if found != executed:
            yield (
                f"order {name}: the venue executed {executed}, its fills have {found}; "
                "start the range before the order, or wait until the recorder has caught up"
            )
    for name, amount in filled.items():
        yield f"order {name} is missing, but it has fills of {amount}; start the range earlier"
