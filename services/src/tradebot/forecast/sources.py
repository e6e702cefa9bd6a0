"""A bot's initial history: the venue's or a file's, and what it recorded itself."""

from pathlib import Path

import polars as pl

from tradebot.forecast.settings import HistoryPlace
from tradebot.history import bars, download, store, venue
from tradebot.history import load as of_file
from tradebot.platform import logs

log = logs.get(__name__)


def recorded(settings: HistoryPlace) -> Path | None:
    """Returns the folder of the minutes that the bot recorded, or `None`."""
    return settings.state / "history" if settings.state else None


def load(settings: HistoryPlace, *, strict: bool = False) -> pl.DataFrame:
    """Loads the bars that the settings name; recorded ones take precedence, as their weighted price
    is exact.

    Args:
        strict: refuses a file of which anything had to be repaired, dropped or assumed.

    Raises:
        HistoryFileError: the file does not exist or cannot be read.
        HistoryUnavailableError: the venue does not respond.
    """
    folder = recorded(settings)
    own = store.read(folder, settings.symbol) if folder else bars.empty()
    if settings.history_source == "Venue":
        return bars.merge(own, venue.fetch(settings.venue_settings))
    if settings.history_source == "Url":
        path = download.download(settings.history_file, (settings.state or Path()) / "downloads")
    else:
        path = Path(settings.history_file)
    checked = of_file.load(path, strict=strict, tell=lambda line: log.warning("history", note=line))
    return bars.merge(own, checked.table)
