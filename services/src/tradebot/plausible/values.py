"""Bounds on times, prices, sizes, names and symbols, common to all records."""

import math
import re
from decimal import Decimal
from typing import Final

import msgspec

from tradebot.domain.bounds import EARLIEST, LATEST, MAX_PRICE

MAX_FLOW: Final = 1e30
MAX_LOG_PRICE: Final = math.log(MAX_PRICE)
"""Bound on the absolute log price: the lowest forecast price is 1 / MAX_PRICE."""

DAY_MS: Final = 86_400_000

_SYMBOL = re.compile(r"[A-Za-z0-9]{1,16}")
_NAME = re.compile(r"[!-~]{1,128}")


class Now(msgspec.Struct, frozen=True):
    """The venue's time in ms, 0 if unknown, and how far ahead of it a time may be."""

    ms: int = 0
    lag: int = 0


UNKNOWN: Final = Now()
"""No clock: only the fixed bounds on times apply."""


def time_fault(name: str, ts: int, now: Now) -> str | None:
    """Returns why `ts` (ms) is implausible or in the future; `name` is the field's."""
    if not EARLIEST <= ts < LATEST:
        return f"{name} is {str(ts)[:30]}: not in milliseconds from 2009 to 2100"
    if now.ms and ts > now.ms + now.lag:
        return f"{name} is {(ts - now.ms) / 1000:.0f} s ahead of the venue's clock"
    return None


def number_fault(name: str, text: str, most: float, *, zero: bool = False) -> str | None:
    """Returns why a decimal string is not in (0, `most`], or [0, `most`] if `zero`."""
    try:
        value = float(Decimal(text))
    except (ArithmeticError, ValueError):
        value = math.nan
    if 0 < value <= most or (zero and value == 0):
        return None
    return f"{name} is {text[:30]!r}: not a number {'from' if zero else 'above'} 0 to {most:g}"


def symbol_fault(symbol: str) -> str | None:
    """Returns why `symbol` cannot be a venue's symbol."""
    return None if _SYMBOL.fullmatch(symbol) else f"{symbol[:30]!r} is not a symbol"


def name_fault(field: str, name: str) -> str | None:
    """Returns why `name` is not one to 128 visible characters."""
    return None if _NAME.fullmatch(name) else f"{field} is {name[:30]!r}: not a name"


def symbol_of(symbol: str, key: bytes | None, own: str) -> str:
    """Returns the record's symbol, or else its key, or else the stage's own symbol."""
    if symbol:
        return symbol
    text = (key or b"").decode("ascii", "replace")
    return text if _SYMBOL.fullmatch(text) else own
