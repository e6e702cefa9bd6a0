"""The venue's own minutes, as bars."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

import msgspec
import polars as pl

from tradebot.history import bars
from tradebot.platform.settings import SettingsError
from tradebot.venue.errors import RejectedError, VenueError
from tradebot.venue.port import Candle, open_venue
from tradebot.venue.settings import VenueSettings

TIMEOUT: Final = 30.0
"""Seconds; an emulator's whole history is a large response."""


class HistoryUnavailableError(SettingsError):
    """The source in the settings does not provide history."""

    exit_code = 3


def of_candles(candles: Sequence[Sequence[float]]) -> pl.DataFrame:
    """Converts candles `[ms, open, high, low, close, volume]` in any order to bars.

    Candles without trades are dropped: they only repeat the last price. A candle has no weighted
    price; (high + low + close) / 3 is used instead.
    """
    if not candles:
        return bars.empty()
    names = ["ts", *bars.PRICES, "volume"]
    table = pl.DataFrame(candles, schema=dict.fromkeys(names, pl.Float64), orient="row")
    return (
        table.filter(~bars.quiet() & (pl.col("low") > 0))
        .with_columns(
            pl.col("ts").cast(pl.Int64),
            weighted=(pl.col("high") + pl.col("low") + pl.col("close")) / 3,
        )
        .unique("ts", keep="first")
        .sort("ts")
        .select(bars.SCHEMA.names())
    )


def fetch(settings: VenueSettings) -> pl.DataFrame:
    """Returns the closed minutes that the venue has: about a day from Gemini, all if emulated.

    Runs its own event loop: call it from a thread without one.

    Raises:
        HistoryUnavailableError: the venue does not respond, or not with candles.
    """
    found = asyncio.run(_minutes(settings))
    return of_candles([msgspec.structs.astuple(candle) for candle in found])


async def _minutes(settings: VenueSettings) -> Sequence[Candle]:
    async with aclosing(open_venue(settings, timeout=TIMEOUT)) as venue:
        try:
            return await venue.market.minutes(settings.symbol)
        except RejectedError as error:
            raise HistoryUnavailableError(
                f"{venue.address} has no candles of {settings.symbol}: is the symbol right?"
                f" ({error.message})"
            ) from None
        except VenueError as error:
            raise HistoryUnavailableError(
                f"cannot load history from {venue.address}: {error}; start the venue's emulator "
                "there, or use a file with --history-source Claim --history-file FILE"
            ) from None
