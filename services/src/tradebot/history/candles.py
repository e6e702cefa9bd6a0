"""JSON candles from venues and ccxt: rows of numbers, anywhere in the response."""

from typing import Any, Final

import msgspec
import polars as pl

from tradebot.history.forms import FormError

_DEEPEST: Final = 6
_FEWEST: Final = 6


def rows_of(data: bytes) -> pl.DataFrame:
    """Returns the rows as text cells, columns `column_1` and on; an empty cell is null.

    Accepts a list of lists (ccxt, Binance, Coinbase) or such a list inside an object (Kraken).

    Raises:
        FormError: there is no such list, or its rows are of different lengths.
    """
    try:
        rows = _find(msgspec.json.decode(data), _DEEPEST)
    except (msgspec.DecodeError, RecursionError) as error:
        raise FormError(f"it is not JSON: {error}") from None
    if rows is None:
        raise FormError(
            "it contains no list of candles such as [[ms, open, high, low, close, volume], …]"
        )
    width = max(len(row) for row in rows)
    cells = [[_text(cell) for cell in row] + [None] * (width - len(row)) for row in rows]
    names = [f"column_{number}" for number in range(1, width + 1)]
    return pl.DataFrame(cells, schema=dict.fromkeys(names, pl.String), orient="row")


def _find(value: Any, depth: int) -> list[list[Any]] | None:
    """Finds the first list of lists of at least six cells."""
    if isinstance(value, list) and value and all(isinstance(row, list) for row in value):
        return value if max(len(row) for row in value) >= _FEWEST else None
    if isinstance(value, dict) and depth:
        found = (_find(inner, depth - 1) for inner in value.values())
        return next((rows for rows in found if rows is not None), None)
    return None


def _text(cell: Any) -> str | None:
    return None if cell is None else str(cell)[:40]
