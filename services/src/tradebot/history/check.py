"""What is wrong with a file of minutes, and what was done about it.

Rows that say nothing or cannot be true are dropped and counted; doubles are dropped; gaps are
reported and stay gaps.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from tradebot.history import bars
from tradebot.history.read import Raw

NO_PRICE = "no price (NaN: a minute without trades)"

SPIKE = 0.2
"""A change of log price from one row to the next that is worth a second look."""


@dataclass(frozen=True)
class Finding:
    """One kind of fault: how many rows have it, where it is first, and what was done.

    `broken` says that the rows cannot be true, or could not be read.
    """

    what: str
    rows: int
    first: str
    done: str
    broken: bool = False


@dataclass(frozen=True)
class Checked:
    """Bars that can be used, and what had to be done to get them."""

    table: pl.DataFrame
    findings: list[Finding]
    gaps: bars.Gaps
    step: int


def repair(raw: Raw) -> Checked:
    """The usable bars of a raw table, in the order of time, once each."""
    findings: list[Finding] = []
    table = raw.table
    for cell in raw.bad[:10]:
        where = f"row {cell.row}, column {cell.column}: {cell.value!r}"
        findings.append(Finding("not a number or a time", 1, where, "row dropped", broken=True))
    if len(raw.bad) > 10:
        more = len(raw.bad) - 10
        findings.append(Finding("not a number or a time, more", more, "", "rows dropped"))
    rows_of_bad = {cell.row for cell in raw.bad}
    if rows_of_bad:
        table = table.filter(~pl.col("row").is_in(list(rows_of_bad)))
    for what, fault in _FAULTS:
        table = _drop(table, what, fault, findings, broken=what != NO_PRICE)
    table = _align(table, raw.form.step, findings)
    table = _order(table, findings)
    table = _once(table, findings)
    _spikes(table, findings)
    gaps = bars.gaps(table["ts"].to_numpy(), raw.form.step)
    if len(gaps):
        longest = int(gaps.minutes.argmax())
        since = when(int(gaps.start[longest]))
        where = f"{len(gaps):,} gaps, the longest {gaps.minutes[longest]} min from {since}"
        findings.append(
            Finding("minutes missing between first and last", gaps.absent, where, "left missing")
        )
    return Checked(table.select(bars.SCHEMA.names()), findings, gaps, raw.form.step)


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
    ("an infinite price", lambda: pl.any_horizontal(pl.col(n).is_infinite() for n in bars.PRICES)),
    ("high below low", lambda: pl.col("high") < pl.col("low")),
    ("a negative volume", lambda: pl.col("volume") < 0),
)


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
    if not off or step != bars.MINUTE:
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
    """A time in ms as people read it, UTC.

    >>> when(1_615_846_560_000)
    '2021-03-15 22:16'
    """
    return str(pl.Series([ts]).cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%d %H:%M")[0])
