"""Checks and repairs a file of minutes.

Empty and implausible rows are dropped and counted; duplicates are dropped; gaps are reported and
stay gaps.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from tradebot.domain.bounds import EARLIEST
from tradebot.history import bars
from tradebot.history.forms import MINUTELY
from tradebot.history.read import Raw

NO_PRICE = "no price (NaN: a minute without trades)"
NO_TRADES = "no trades (volume 0 at one price)"

STEPS: Final = tuple(
    minutes * bars.MINUTE for minutes in (10_080, 1440, 720, 360, 240, 120, 60, 30, 15, 5, 3, 1)
)
"""Bar lengths that files use, from a week to a minute."""
OF_ONE_STEP: Final = 0.98
"""Fraction of rows that must be on a step, so that a few stray times do not hide it."""

HOUR: Final = 60 * bars.MINUTE

TOMORROW: Final = 86_400_000

SPIKE = 0.2
"""A change of log price between two rows that is worth a check."""


@dataclass(frozen=True)
class Finding:
    """One kind of fault: how many rows have it, where it is first, and what was done.

    `broken` is true if the rows are implausible or unreadable.
    """

    what: str
    rows: int
    first: str
    done: str
    broken: bool = False


@dataclass(frozen=True)
class Checked:
    """Usable bars, and what was done to get them."""

    table: pl.DataFrame
    findings: list[Finding]
    gaps: bars.Gaps
    step: int
    assumed: tuple[str, ...] = ()


def repair(raw: Raw, now: int = 0) -> Checked:
    """Returns the usable bars of a raw table, in order of time, without duplicates.

    Args:
        now: ms UTC; no bar begins more than a day after it. 0 uses the clock.
    """
    findings: list[Finding] = []
    table = raw.table
    if raw.ragged:
        rows, where = len(raw.ragged), f"row {raw.ragged[0]}"
        findings.append(Finding("too many cells", rows, where, "rows dropped", broken=True))
        table = table.filter(~pl.col("row").is_in(raw.ragged))
    for cell in raw.bad[:10]:
        where = f"row {cell.row}, column {cell.column}: {cell.value!r}"
        findings.append(Finding("not a number or a time", 1, where, "row dropped", broken=True))
    if len(raw.bad) > 10:
        more = len(raw.bad) - 10
        findings.append(Finding("not a number or a time, more", more, "", "rows dropped", True))
    rows_of_bad = {cell.row for cell in raw.bad}
    if rows_of_bad:
        table = table.filter(~pl.col("row").is_in(list(rows_of_bad)))
    latest = (now or int(time.time() * 1000)) + TOMORROW
    for what, fault in (*_FAULTS, (_IMPOSSIBLE_TIME, lambda: _outside(EARLIEST, latest))):
        table = _drop(table, what, fault, findings, broken=what != NO_PRICE)
    table = _without_trades(table, findings)
    table = _order(table, findings)
    step = step_of(table["ts"], raw.form.name)
    table = _align(table, step, findings)
    table = _once(table, findings)
    _spikes(table, findings)
    gaps = bars.gaps(table["ts"].to_numpy(), step)
    if len(gaps):
        longest = int(gaps.minutes.argmax())
        since = when(int(gaps.start[longest]))
        length = bars.counted(int(gaps.minutes[longest]), step)
        where = f"{len(gaps):,} gaps, the longest {length} from {since}"
        what = f"{bars.counted(1, step)} missing between first and last"
        findings.append(Finding(what, gaps.absent, where, "left missing"))
    return Checked(table.select(bars.SCHEMA.names()), findings, gaps, step, raw.assumed)


def step_of(ts: pl.Series, form: str) -> int:
    """Returns the bar length, ms: the longest step that nearly all sorted times are multiples of.

    Formats of minutes have minutes, however rarely one had trades, unless all are on whole hours.
    """
    apart = np.diff(ts.to_numpy())
    apart = apart[apart > 0]
    if not len(apart):
        return bars.MINUTE
    usual, least = int(np.median(apart)), HOUR if form in MINUTELY else 0
    for step in STEPS:
        if least <= step <= usual and np.mean(apart % step == 0) >= OF_ONE_STEP:
            return step
    return bars.MINUTE


def _without_trades(table: pl.DataFrame, findings: list[Finding]) -> pl.DataFrame:
    """Drops candles that only repeat a price; a source without volumes keeps its rows."""
    if not (table["volume"] > 0).any():
        return table
    return _drop(table, NO_TRADES, bars.quiet, findings, broken=False)


_IMPOSSIBLE_TIME = "a time before 2009 or after tomorrow"


def _outside(earliest: int, latest: int) -> pl.Expr:
    return ~pl.col("ts").is_between(earliest, latest)


def _empty_prices() -> pl.Expr:
    return pl.any_horizontal(
        pl.col(name).is_null() | pl.col(name).is_nan() for name in (*bars.PRICES, "weighted")
    )


_FAULTS: tuple[tuple[str, Callable[[], pl.Expr]], ...] = (
    ("no time", lambda: pl.col("ts").is_null()),
    (NO_PRICE, _empty_prices),
    (
        "a price not above zero",
        lambda: pl.any_horizontal(pl.col(name) <= 0 for name in (*bars.PRICES, "weighted")),
    ),
    (
        "an infinite price",
        lambda: pl.any_horizontal(pl.col(n).is_infinite() for n in (*bars.PRICES, "weighted")),
    ),
    ("high below low", lambda: pl.col("high") < pl.col("low")),
    ("column open outside low and high", lambda: _beyond("open")),
    ("column close outside low and high", lambda: _beyond("close")),
    (
        "column volume is not a number",
        lambda: ~pl.col("volume").is_finite().fill_null(False),
    ),
    ("a negative volume", lambda: pl.col("volume") < 0),
)


def _beyond(name: str) -> pl.Expr:
    return (pl.col(name) > pl.col("high")) | (pl.col(name) < pl.col("low"))


def _drop(
    table: pl.DataFrame,
    what: str,
    fault: Callable[[], pl.Expr],
    findings: list[Finding],
    *,
    broken: bool,
) -> pl.DataFrame:
    faulty = table.select(fault().fill_null(False).alias("faulty"))["faulty"]
    count = int(faulty.sum())
    if not count:
        return table
    first = table.filter(faulty).row(0, named=True)
    findings.append(Finding(what, count, _where(first), "rows dropped", broken))
    return table.filter(~faulty)


def _align(table: pl.DataFrame, step: int, findings: list[Finding]) -> pl.DataFrame:
    off = int((table["ts"] % step != 0).sum())
    if not off or step != bars.MINUTE:  # days may begin at any hour, weeks on any day
        return table
    first = table.filter(pl.col("ts") % step != 0).row(0, named=True)
    findings.append(
        Finding("a time within a minute", off, _where(first), "moved to the start of the minute")
    )
    return table.with_columns(pl.col("ts") // step * step)


def _order(table: pl.DataFrame, findings: list[Finding]) -> pl.DataFrame:
    if table["ts"].is_sorted():
        return table
    falling = table["ts"].is_sorted(descending=True)
    back = table.with_columns(step=pl.col("ts").diff()).filter(pl.col("step") < 0)
    findings.append(
        Finding(
            "newest first" if falling else "rows not in time order",
            len(table) if falling else len(back),
            _where(back.row(0, named=True)),
            "sorted",
        )
    )
    return table.sort("ts", maintain_order=True)


def _once(table: pl.DataFrame, findings: list[Finding]) -> pl.DataFrame:
    if (table["ts"].diff().drop_nulls() > 0).all():
        return table
    once = table.unique("ts", keep="first", maintain_order=True)
    doubles = len(table) - len(once)
    differing = table.unique(["ts", *bars.PRICES]).height - len(once)
    first = table.filter(pl.col("ts") == pl.col("ts").shift(1)).row(0, named=True)
    findings.append(
        Finding(
            f"the same minute again ({differing} of them with different prices)",
            doubles,
            _where(first),
            "the first of each was kept",
        )
    )
    return once


def _spikes(table: pl.DataFrame, findings: list[Finding]) -> None:
    jumps = table.filter(pl.col("weighted").log().diff().abs() > SPIKE)
    if len(jumps):
        findings.append(
            Finding(
                f"a change of more than {SPIKE:.0%} from one row to the next",
                len(jumps),
                _where(jumps.row(0, named=True)),
                "kept",
            )
        )


def _where(row: dict[str, object]) -> str:
    ts = row["ts"]
    return f"row {row['row']}" + (f", {when(ts)}" if isinstance(ts, int) else "")


def when(ts: int) -> str:
    """Formats a time in ms for people, UTC.

    >>> when(1_615_846_560_000)
    '2021-03-15 22:16'
    """
    return str(pl.Series([ts]).cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%d %H:%M")[0])
