"""Recorded bars, from any file that a model's history can use."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tradebot.history.arrays import DAY, MINUTE, Bars
from tradebot.history.load import load
from tradebot.platform.settings import SettingsError

STEPS: Final = (MINUTE, DAY)
"""Bar lengths that the emulator can replay."""


def read_bars(
    path: str, *, strict: bool = False, tell: Callable[[str], None] = lambda _line: None
) -> Bars:
    """Reads the bars of a file or folder, in the formats of `tradebot.history`.

    Args:
        strict: refuses a file of which anything had to be repaired, dropped or assumed.
        tell: called with one line for each of these.

    Raises:
        SettingsError: the file does not exist or is not such a file, or its bars are neither
            minutes nor days.
    """
    checked = load(Path(path), strict=strict, tell=tell)
    table = checked.table
    if table.height < 2:
        raise SettingsError(
            f"market file {path} has fewer than two bars with prices: use a longer file"
        )
    if checked.step not in STEPS:
        raise SettingsError(
            f"market file {path}: its bars are {checked.step / 1000:g} s apart; use minutes or days"
        )
    names = ("open", "high", "low", "close", "volume")
    columns: dict[str, Any] = {name: table[name].to_numpy() for name in names}
    return Bars(ts=table["ts"].to_numpy(), step=checked.step, **columns)
