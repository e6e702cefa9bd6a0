"""The history that a bot starts with: the venue's or a file's, and what it recorded itself."""

from pathlib import Path

import polars as pl

from tradebot.forecast.settings import HistoryPlace
from tradebot.history import bars, check, read, store, venue
from tradebot.platform import logs

log = logs.get(__name__)


def recorded(settings: HistoryPlace) -> Path | None:
    """The folder of the minutes that the bot recorded, or none."""
    return settings.state / "history" if settings.state else None


def load(settings: HistoryPlace) -> pl.DataFrame:
    """The bars that the settings name; recorded ones first, their weighted price is exact.

    Raises:
        HistoryFileError: the file is not there or cannot be read.
        HistoryUnavailableError: the venue does not answer.
    """
    folder = recorded(settings)
    own = store.read(folder, settings.symbol) if folder else bars.empty()
    if settings.history_source == "Venue":
        return bars.merge(own, venue.fetch(settings.venue_settings))
    if settings.history_source == "Url":
        path = read.download(settings.history_file, (settings.state or Path()) / "downloads")
    else:
        path = Path(settings.history_file)
    checked = check.repair(read.read(path))
    for finding in checked.findings:
        log.info(
            "history is not perfect",
            file=settings.history_file,
            what=finding.what,
            rows=finding.rows,
            first=finding.first,
            done=finding.done,
        )
    return bars.merge(own, checked.table)
