"""Ticks of an axis: round numbers, and times in UTC with the day or the year if it changes."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

Form = Literal["number", "percent"]

MINUTE: Final = 60_000
DAY: Final = 86_400_000
_WITHIN_DAY: Final = tuple(
    n * MINUTE for n in (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 720)
)
_DAYS: Final = (1, 2, 7, 14)
_MONTHS: Final = (1, 2, 3, 6)


@dataclass(frozen=True)
class Tick:
    """A position on an axis, its label, and an optional second line below it."""

    at: float
    label: str
    context: str = ""


def text_of(value: float, step: float, form: Form) -> str:
    """Writes a value with enough digits to distinguish it from its neighbours, `step` away.

    >>> text_of(12500, 2500, "number"), text_of(0.125, 0.025, "percent"), text_of(-0.0, 1, "number")
    ('12,500', '12.5%', '0')
    """
    if form == "percent":
        value, step = value * 100, step * 100
    digits = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0
    if step > 0 and not math.isclose(step * 10**digits, round(step * 10**digits)):
        digits += 1
    return f"{value:z,.{digits}f}" + ("%" if form == "percent" else "")


def numbers(low: float, high: float, most: int, form: Form = "number") -> list[Tick]:
    """Returns at most `most` round numbers from `low` to `high`.

    >>> [tick.label for tick in numbers(0.3, 41, 6)]
    ['10', '20', '30', '40']
    """
    rough = (high - low) / max(most, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(n * power for n in (1, 2, 2.5, 5, 10, 20) if n * power >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [Tick(n * step, text_of(n * step, step, form)) for n in range(first, last + 1)]


def times(start: float, end: float, most: int) -> list[Tick]:
    """Returns at most `most` round times from `start` to `end`, ms UTC, minutes to years apart.

    >>> [(tick.label, tick.context) for tick in times(1_615_766_400_000, 1_615_809_600_000, 4)]
    [('00:00', '15 Mar 2021'), ('04:00', ''), ('08:00', ''), ('12:00', '')]
    """
    for step in _WITHIN_DAY:
        if (end - start) / step <= most - 1:
            at = np.arange(math.ceil(start / step) * step, end + 1, step)
            return _labelled(at, "%H:%M", "%-d %b %Y") or [Tick(start, _text(start, "%H:%M"))]
    for days in _DAYS:
        if (end - start) / (days * DAY) <= most - 1:
            # Day 4 of 1970 was a Monday: weeks begin with one.
            first = math.ceil((start / DAY - 4) / days) * days + 4
            at = np.arange(first * DAY, end + 1, days * DAY)
            return _labelled(at, "%-d %b", "%Y")
    months = np.arange(_month(start), _month(end) + 1)
    for step in _MONTHS:
        chosen = _starts(months[months % step == 0], start)
        if len(chosen) <= most:
            return _labelled(chosen, "%b", "%Y")
    years = months[months % 12 == 0] // 12
    every = next(n for n in (1, 2, 5, 10, 20, 50, 100) if len(years) / n <= most)
    return _labelled(_starts(years[years % every == 0] * 12, start), "%Y", "")


def _month(ts: float) -> int:
    """Months since 1970."""
    return int(np.datetime64(int(ts), "ms").astype("datetime64[M]").astype(np.int64))


def _starts(months: NDArray[Any], start: float) -> NDArray[Any]:
    """Returns the first moments of months, ms UTC, none before `start`."""
    at = months.astype("datetime64[M]").astype("datetime64[ms]").astype(np.int64)
    return at[at >= start]


def _labelled(at: Iterable[float], label: str, context: str) -> list[Tick]:
    found: list[Tick] = []
    before = ""
    for ts in at:
        here = _text(ts, context)
        found.append(Tick(float(ts), _text(ts, label), "" if here == before else here))
        before = here
    return found


def _text(ts: float, layout: str) -> str:
    moment = np.datetime64(int(ts), "ms").astype(object)
    return str(moment.strftime(layout)) if layout else ""
