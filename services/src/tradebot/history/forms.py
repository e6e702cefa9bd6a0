"""The meaning of a file's columns: by its header, or by the number of cells without one.

| form | columns | what to know |
|---|---|---|
| bars | ts, open … close, volume, weighted | our own, CSV or Parquet; always minutes |
| kaggle | Timestamp, Open … Close, Volume_(BTC), …, Weighted_Price | NaN rows: no trades; minutes |
| gemini | Unix Timestamp, Date, Symbol, Open … Volume | newest first; Unix Timestamp is rounded |
| cryptodatadownload | unix, date, symbol, open … close, Volume BTC, Volume USD | newest first |
| yahoo | Date, Open … Close, Adj Close, Volume; also yfinance | volume in quote currency |
| binance | open_time, open … volume, close_time …; 11 or 12 numbers | ms or µs |
| kraken | 7 numbers: s, open … close, volume, trades; 8 with a weighted price | gaps: no trades |
| coinbase | time, low, high, open, close, volume; six numbers | newest first |
| bitfinex | six numbers: ms, open, close, high, low, volume | close before high |
| candles | six numbers: ms, open, high, low, close, volume; JSON of ccxt | may be newest first |
| metatrader | date, time, open … close, volume; also with tabs | volume counts ticks |
| table | any header with a time, open, high, low, close and a volume | TradingView, pandas |

For formats without a weighted price, (high + low + close) / 3 is used.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tradebot.history import bars

Unit = Literal["base", "quote", "ticks"]
"""The unit of a volume: base currency, quote currency, or number of price changes."""

MINUTELY: Final = ("bars", "kaggle")
"""Formats whose rows are minutes, however far apart they are."""


class FormError(ValueError):
    """A file is in no known format; the message says what was found and what is known."""


@dataclass(frozen=True)
class Form:
    """The meaning of a file's columns.

    `columns` maps our names, except `ts`, to positions in the file, counted from 0. `times` are the
    positions that may hold the time, in order of preference; several in one entry are read
    together, as a date and a time of day.
    """

    name: str
    columns: dict[str, int]
    times: tuple[tuple[int, ...], ...]
    volume: Unit = "base"


_TIMES: Final = (
    "ts",
    "timestamp",
    "time",
    "unix",
    "unix timestamp",
    "unix time",
    "open time",
    "opentime",
    "datetime",
    "date",
    "date time",
    "gmt time",
    "utc",
    "utc time",
    "index",
    "index level 0",  # pandas' name in Parquet for an index without one
)
_PRICES: Final = {
    "open": ("open", "o", "open price", "first"),
    "high": ("high", "h", "high price", "max"),
    "low": ("low", "l", "low price", "min"),
    "close": ("close", "c", "close price", "last"),
}
_WEIGHTED: Final = ("weighted", "weighted price", "vwap")
_BASE: Final = ("volume", "vol", "v", "base volume", "base asset volume", "volumefrom")
_QUOTE: Final = ("volume currency", "quote volume", "quote asset volume", "volumeto")
_TICKS: Final = ("tickvol", "tick volume")
QUOTES: Final = ("USD", "USDT", "USDC", "BUSD", "GUSD", "EUR", "GBP", "SGD", "JPY", "DAI", "TRY")
"""Quote currencies that occur in names such as `Volume USD`."""


def of_header(names: Sequence[str]) -> Form:
    """Returns the format of a file with these column names.

    Raises:
        FormError: a required column is missing or occurs twice.
    """
    plain = [_plain(name) for name in names]
    doubled = {name for name in plain if name in ("open", "close") and plain.count(name) > 1}
    if doubled:
        raise FormError(
            f"it has {plain.count(sorted(doubled)[0])} columns named {sorted(doubled)[0]!r}: use "
            "a file with one symbol"
        )
    columns = {
        ours: plain.index(found)
        for ours, known in (*_PRICES.items(), ("weighted", _WEIGHTED))
        if (found := next((name for name in known if name in plain), None)) is not None
    }
    times = _times(plain)
    volume, unit = _volume(plain)
    lacking = [name for name in bars.PRICES if name not in columns]
    lacking += [] if times else ["time"]
    lacking += [] if volume is not None else ["volume"]
    if lacking or volume is None:
        raise FormError(
            f"its columns are {', '.join(name or '(no name)' for name in names)}: it has no"
            f" {', no '.join(lacking)}. A header must name a time, open, high, low, close and a"
            " volume; a file without a header has six numbers a row (ms, open, high, low, close,"
            " volume)"
        )
    name = _name(plain)
    if name == "yahoo":
        unit = "quote"
    return Form(name, {**columns, "volume": volume}, times, unit)


def _plain(name: str) -> str:
    """Normalises a column's name: without case, brackets and underscores.

    >>> _plain("Volume_(BTC)"), _plain("<TICKVOL>")
    ('volume btc', 'tickvol')
    """
    return re.sub(r"[_()<>]+", " ", name.lower()).replace("  ", " ").strip()


def _times(plain: list[str]) -> tuple[tuple[int, ...], ...]:
    if "date" in plain and "time" in plain:
        return ((plain.index("date"), plain.index("time")), (plain.index("time"),))
    found = [position for position, name in enumerate(plain) if name in _TIMES]
    # pandas writes an index as a first column without a name
    return tuple((position,) for position in found) or (
        ((0,),) if plain[0] in ("", "price") else ()
    )


def _volume(plain: list[str]) -> tuple[int | None, Unit]:
    """Returns the volume's position and unit; base currency is preferred."""
    quotes = {f"volume {currency.lower()}" for currency in QUOTES}
    coins = [name for name in plain if name.startswith("volume ") and name not in quotes]
    coins = [name for name in coins if len(name) <= len("volume ") + 6 and name not in _QUOTE]
    known: tuple[tuple[Sequence[str], Unit], ...] = (
        (_BASE, "base"),
        ([name for name in coins if name != "volume ma"], "base"),
        ([*_QUOTE, *sorted(quotes)], "quote"),
        (_TICKS, "ticks"),
    )
    for names, unit in known:
        for name in names:
            if name in plain:
                return plain.index(name), unit
    return None, "base"


def _name(plain: list[str]) -> str:
    """Returns the format's name for reports."""
    held = set(plain)
    if held >= set(bars.SCHEMA.names()):
        return "bars"
    if "timestamp" in held and "weighted price" in held:
        return "kaggle"
    if {"unix timestamp", "date", "symbol"} <= held:
        return "gemini"
    if "symbol" in held and any(name.startswith("volume ") for name in held):
        return "cryptodatadownload"
    if "adj close" in held or "stock splits" in held or plain[0] == "price":
        return "yahoo"
    if "quote asset volume" in held or ("quote volume" in held and "open time" in held):
        return "binance"
    if "tickvol" in held:
        return "metatrader"
    if plain[:5] == ["time", "low", "high", "open", "close"]:
        return "coinbase"
    return "table"


def of_width(width: int, *, dated: bool) -> Form | None:
    """Returns the format of rows without a header if their width determines it; else `None`.

    Args:
        dated: whether the second cell of a row is a time of day.
    """
    if width == 7 and dated:
        return Form("metatrader", _in_order(2), ((0, 1),), "ticks")
    if width == 7:
        return Form("kraken", _in_order(1), ((0,),))
    if width == 8:
        columns = {**_in_order(1), "weighted": 5, "volume": 6}
        return Form("kraken", columns, ((0,),))
    if width in (11, 12):
        return Form("binance", _in_order(1), ((0,),))
    return None


def _in_order(first: int) -> dict[str, int]:
    return {name: first + place for place, name in enumerate((*bars.PRICES, "volume"))}
