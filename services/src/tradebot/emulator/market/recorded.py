"""Recorded bars, from any file that the history of a model can come from."""

from pathlib import Path

import numpy as np
import polars as pl

from tradebot.history.arrays import Bars
from tradebot.history.check import repair
from tradebot.history.forms import DAILY
from tradebot.history.read import Raw, read
from tradebot.platform.settings import SettingsError


def read_bars(path: str) -> Bars:
    """The bars of a file or folder, in the forms of `tradebot.history`.

    What a model's history only reports (another order, doubles, minutes without trades) is put
    right here too; what cannot be true is refused, as a market must follow every bar.

    Raises:
        SettingsError: the file is not there, or it is not such a file; the message says where.
    """
    raw = read(Path(path))
    checked = repair(raw)
    broken = next((each for each in checked.findings if each.broken), None)
    if broken is not None:
        raise SettingsError(f"market file {path}: {broken.what} ({broken.first}); mend the row")
    _refuse_impossible(path, raw)
    table = checked.table
    if raw.form is DAILY:  # Yahoo's volumes are in quote currency
        table = table.with_columns(pl.col("volume") / pl.col("close"))
    if table.height < 2:
        raise SettingsError(f"market file {path} has fewer than two bars with prices")
    ts = table["ts"].to_numpy()
    step = int(np.median(np.diff(ts)))
    if step != checked.step:
        raise SettingsError(
            f"market file {path}: its bars are {step / 1000:g} s apart; give minutes or days"
        )
    names = ("open", "high", "low", "close", "volume")
    return Bars(ts=ts, step=step, **{name: table[name].to_numpy() for name in names})


def _refuse_impossible(path: str, raw: Raw) -> None:
    """No path leads through a bar that opens or closes beyond its own low or high."""
    wrong = raw.table.filter(
        (pl.col("high") < pl.max_horizontal("open", "close"))
        | (pl.col("low") > pl.min_horizontal("open", "close"))
    )
    if wrong.height:
        raise SettingsError(
            f"market file {path}: open or close outside low and high (row {wrong['row'][0]});"
            " mend the row"
        )
