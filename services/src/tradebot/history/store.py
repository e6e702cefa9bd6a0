"""Minutes as Parquet, one file per symbol and month: `FOLDER/BTCUSD/2021-03.parquet`."""

from pathlib import Path

import polars as pl

from tradebot.history import bars


def _months(table: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """Splits the table's rows by month, `2021-03`."""
    stamped = table.with_columns(
        month=pl.from_epoch("ts", time_unit="ms").dt.strftime("%Y-%m").alias("month")
    )
    return [
        (str(month[0]), part.drop("month"))
        for month, part in stamped.partition_by("month", as_dict=True, maintain_order=True).items()
    ]


def write(folder: Path, symbol: str, table: pl.DataFrame) -> int:
    """Adds bars to the store; they replace stored ones of the same minutes.

    Each month's file is replaced atomically.

    Returns:
        How many minutes are new.
    """
    target = folder / symbol
    target.mkdir(parents=True, exist_ok=True)
    added = 0
    for month, part in _months(table):
        path = target / f"{month}.parquet"
        known = pl.read_parquet(path) if path.exists() else bars.empty()
        merged = bars.merge(part, known)
        added += len(merged) - len(known)
        if merged.equals(known):
            continue
        partial = path.with_suffix(".partial")
        merged.write_parquet(partial, compression="zstd")
        partial.replace(path)
    return added


def read(folder: Path, symbol: str, *, newest: int = 0) -> pl.DataFrame:
    """Reads the bars of the store.

    Args:
        newest: reads only as many of the last months as contain this many rows; 0 reads all.
    """
    parts: list[pl.DataFrame] = []
    rows = 0
    for path in sorted((folder / symbol).glob("*.parquet"), reverse=True):
        part = pl.read_parquet(path)
        parts.append(part)
        rows += len(part)
        if newest and rows >= newest:
            break
    return bars.merge(*reversed(parts)) if parts else bars.empty()


def files(folder: Path, symbol: str) -> list[Path]:
    """Returns the store's files, oldest first."""
    return sorted((folder / symbol).glob("*.parquet"))
