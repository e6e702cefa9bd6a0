"""Loads bars from a file, and reports in one line what was repaired, dropped or assumed."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from tradebot.history import check, read
from tradebot.history.check import Checked
from tradebot.history.forms import Unit
from tradebot.history.read import HistoryFileError, Raw

_CELLS_SHOWN: Final = 3
_KINDS_SHOWN: Final = 4


def load(
    path: Path,
    *,
    strict: bool = False,
    volume: Unit | None = None,
    tell: Callable[[str], None] = lambda _line: None,
) -> Checked:
    """Returns the usable bars of a file.

    Args:
        strict: refuses a file of which anything had to be repaired, dropped or assumed.
        volume: the volume's unit, if it is not the format's.
        tell: called with one line if anything was repaired, dropped or assumed.

    Raises:
        HistoryFileError: the file cannot be read, has no usable row, or `strict` refuses it.
    """
    raw = read.read(path, volume)
    checked = check.repair(raw)
    if checked.table.is_empty():
        raise HistoryFileError(nothing_usable(path, raw, checked))
    line = summary(checked)
    if line and strict:
        raise HistoryFileError(f"{path} has problems, and --strict rejects it: {line}")
    if line:
        tell(f"{path}: {line}; `tradebot history check {path}` lists each")
    return checked


def summary(checked: Checked) -> str:
    """Lists in one line what was repaired, dropped or assumed; empty if nothing was.

    Minutes without a row are not a fault: there were no trades.
    """
    parts = [
        f"{finding.rows:,} × {finding.what} ({finding.done}"
        + (f", first: {finding.first})" if finding.first else ")")
        for finding in checked.findings
        if finding.done not in ("left missing", "kept")
    ]
    if len(parts) > _KINDS_SHOWN:
        parts = [*parts[:_KINDS_SHOWN], f"{len(parts) - _KINDS_SHOWN} more kinds"]
    return "; ".join([*parts, *checked.assumed])


def nothing_usable(path: Path, raw: Raw, checked: Checked) -> str:
    """Says why no row is usable: the first bad cells, or the most common faults."""
    cells = [
        f"{cell.value!r} in row {cell.row}, column {cell.column}" for cell in raw.bad[:_CELLS_SHOWN]
    ]
    faults = [f"{finding.rows:,} × {finding.what}" for finding in checked.findings]
    why = "; ".join(faults[:_CELLS_SHOWN]) or "it has a header but no rows"
    if cells:
        why = f"{', '.join(cells)} cannot be read as a number or time"
    return f"{path} has no usable row: {why}"
