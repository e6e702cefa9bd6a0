"""The history that a model starts with.

Minutes that the stage recorded come first, then those of the topic `minutes`, which outlive its
pod, then the venue's or a file's.
"""

from collections.abc import Iterable
from pathlib import Path

import polars as pl
from confluent_kafka import KafkaException

from tradebot.forecast.settings import ForecastSettings, HistoryPlace
from tradebot.history import bars, download, store, topic, venue
from tradebot.history import load as of_file
from tradebot.history.minutes import Bar
from tradebot.platform import logs

log = logs.get(__name__)


def recorded(settings: HistoryPlace) -> Path | None:
    """Returns the folder of the minutes that the bot recorded, or `None`."""
    return settings.state / "history" if settings.state else None


def published(settings: ForecastSettings) -> pl.DataFrame:
    """The symbol's minutes on the topic.

    Raises:
        HistoryUnavailableError: the broker does not respond.
    """
    try:
        records = topic.published(settings, settings.symbol)
    except KafkaException as error:
        raise venue.HistoryUnavailableError(
            f"cannot read past minutes from {settings.kafka}: {error}"
        ) from None
    return of_bars(topic.bars_of(records))


def of_bars(rows: Iterable[Bar]) -> pl.DataFrame:
    """Bars as a table."""
    names = bars.SCHEMA.names()
    cells = [tuple(getattr(bar, name) for name in names) for bar in rows]
    return pl.DataFrame(cells, schema=bars.SCHEMA, orient="row")


def load(
    settings: HistoryPlace, *, strict: bool = False, known: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Loads the bars that the settings name; recorded ones take precedence, as their weighted price
    is exact.

    Args:
        strict: refuses a file of which anything had to be repaired, dropped or assumed.
        known: bars that take precedence over those of the venue or the file. If there are some, a
            venue that does not respond is not an error.

    Raises:
        HistoryFileError: the file does not exist or cannot be read.
        HistoryUnavailableError: the venue does not respond.
    """
    folder = recorded(settings)
    own = store.read(folder, settings.symbol) if folder else bars.empty()
    own = own if known is None else bars.merge(own, known)
    if settings.history_source == "Venue":
        try:
            return bars.merge(own, venue.fetch(settings.venue_settings))
        except venue.HistoryUnavailableError as error:
            if own.is_empty():
                raise
            log.warning("starting without the venue's candles", why=error.message, rows=len(own))
            return own
    if settings.history_source == "Url":
        path = download.download(settings.history_file, (settings.state or Path()) / "downloads")
    else:
        path = Path(settings.history_file)
    checked = of_file.load(path, strict=strict, tell=lambda line: log.warning("history", note=line))
    return bars.merge(own, checked.table)
