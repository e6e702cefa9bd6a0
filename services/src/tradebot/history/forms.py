"""The forms in which minutes come as files, recognised by their columns.

| form | columns | traps |
|---|---|---|
| kaggle | Timestamp (s), Open … Close, Volume_(BTC), …, Weighted_Price | NaN rows: no trades |
| gemini | Unix Timestamp, Date, Symbol, Open … Close, Volume | newest first; the time is in Date |
| daily | Date, Open … Close, Adj Close, Volume | days, NaN rows |
| bitfinex | no header: ms, open, close, high, low, volume | close before high |
| candles | no header: ms, open, high, low, close, volume; also as JSON | may be newest first |
| bars | ts (ms), open … close, volume, weighted | our own, CSV or Parquet |

Where a form has no weighted price, (high + low + close) / 3 stands for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from tradebot.history import bars

Clock = Literal["s", "ms", "date"]


class FormError(ValueError):
    """A file is in none of the forms; the message says what was found and what is known."""


@dataclass(frozen=True)
class Form:
    """Which column of a file is what.

    `columns` maps our names to the file's; `clock` says how its time is written, `dates` the
    layouts of a date; `step` is the milliseconds between its rows.
    """

    name: str
    columns: dict[str, str]
    clock: Clock
    dates: tuple[str, ...] = ()
    step: int = bars.MINUTE


_TITLED: Final = {"open": "Open", "high": "High", "low": "Low", "close": "Close"}

KAGGLE: Final = Form(
    "kaggle",
    {"ts": "Timestamp", **_TITLED, "volume": "Volume_(BTC)", "weighted": "Weighted_Price"},
    "s",
)
KAGGLE_PLAIN: Final = Form("kaggle", {"ts": "Timestamp", **_TITLED, "volume": "Volume"}, "s")
GEMINI: Final = Form(
    "gemini",
    {"ts": "Date", **_TITLED, "volume": "Volume"},
    "date",
    ("%m/%d/%Y %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"),
)
DAILY: Final = Form(
    "daily", {"ts": "Date", **_TITLED, "volume": "Volume"}, "date", ("%Y-%m-%d",), 86_400_000
)
BARS: Final = Form("bars", {name: name for name in bars.SCHEMA}, "ms")

HEADED: Final = (
    ({"Timestamp", "Weighted_Price", "Volume_(BTC)"}, KAGGLE),
    ({"Timestamp", "Open", "High", "Low", "Close", "Volume"}, KAGGLE_PLAIN),
    ({"Unix Timestamp", "Date", "Symbol", "Open"}, GEMINI),
    ({"Date", "Open", "High", "Low", "Close", "Adj Close"}, DAILY),
    (set(bars.SCHEMA), BARS),
)
_ORDERS: Final = {
    "bitfinex": ("open", "close", "high", "low"),
    "candles": ("open", "high", "low", "close"),
}


def of_header(columns: Sequence[str]) -> Form:
    """The form of a file with these column names.

    Raises:
        FormError: they are no known form's.
    """
    for needed, form in HEADED:
        if needed <= set(columns):
            return form
    raise FormError(
        f"its columns are {', '.join(columns)}: the known formats are"
        + "; ".join(f" {form.name} ({', '.join(sorted(needed))})" for needed, form in HEADED)
        + "; and six numbers without a header (ms, open, close, high, low, volume, or open, high,"
        " low, close)"
    )


def of_numbers(sample: pl.DataFrame) -> Form:
    """The form of a file without a header, by which order of prices makes sense.

    Args:
        sample: its first rows, columns as they come, all of numbers.

    Raises:
        FormError: there are not six columns, or neither order has high above low.
    """
    names = sample.columns
    if len(names) != 6:
        raise FormError(
            f"it has no header and {len(names)} columns: without a header, a row must have six "
            "numbers"
        )
    for form, order in _ORDERS.items():
        columns = dict(zip(order, names[1:5], strict=True))
        prices = {name: sample[column] for name, column in columns.items()}
        top = (prices["high"] >= prices["open"]) & (prices["high"] >= prices["close"])
        bottom = (prices["low"] <= prices["open"]) & (prices["low"] <= prices["close"])
        if (top & bottom).sum() > 0.95 * len(sample):
            clock: Clock = "ms" if sample[names[0]][0] > 1e11 else "s"
            return Form(form, {"ts": names[0], **columns, "volume": names[5]}, clock)
    raise FormError(
        "it has no header, and read neither as open, close, high, low nor as open, high, low, "
        "close do its rows have a high above and a low below all other prices"
    )
