"""The order of prices in rows of six numbers without a header, inferred from the rows."""

from typing import Final

import polars as pl

from tradebot.history.forms import Form, FormError

ORDERS: Final = {
    "candles": ("open", "high", "low", "close"),
    "bitfinex": ("open", "close", "high", "low"),
    "coinbase": ("low", "high", "open", "close"),
}
"""The orders of prices that venues use, most common first."""

WRONG: Final = 0.05
"""Fraction of informative rows that may contradict an order: broken rows, not another order."""


def of_prices(prices: pl.DataFrame) -> Form:
    """Returns the format of rows `time, four prices, volume`.

    A row with four equal prices says nothing and is not counted: a quiet market looks the same in
    every order. If two orders fit all rows, both read the same numbers.

    Args:
        prices: the four price columns of a sample, as numbers, without rows that have an empty
            cell.

    Raises:
        FormError: in no order is the high above and the low below the other prices.
    """
    names = prices.columns
    telling = prices.filter(
        pl.any_horizontal(pl.col(name) != pl.col(names[0]) for name in names[1:])
    )
    wrong = {form: _contradictions(telling, order) for form, order in ORDERS.items()}
    best = min(wrong, key=lambda form: wrong[form])
    if telling.height and wrong[best] > max(WRONG * telling.height, telling.height == 1):
        raise FormError(
            "it has no header, and its four prices are in no known order: neither as "
            + ", nor as ".join(" ".join(order) for order in ORDERS.values())
            + " is the high above and the low below the others"
        )
    columns = {name: 1 + place for place, name in enumerate(ORDERS[best])}
    return Form(best, {**columns, "volume": 5}, ((0,),))


def _contradictions(prices: pl.DataFrame, order: tuple[str, ...]) -> int:
    """Counts rows with a price above their high or below their low."""
    named = prices.rename(dict(zip(prices.columns, order, strict=True)))
    true = (pl.col("high") >= pl.max_horizontal("open", "close", "low")) & (
        pl.col("low") <= pl.min_horizontal("open", "close")
    )
    return int(named.select((~true).sum()).item())
