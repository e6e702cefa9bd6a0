"""The venue's own minutes: Gemini's candles, and the emulator's longer past."""

from typing import Any

import httpx
import polars as pl

from tradebot.history import bars
from tradebot.platform.settings import SettingsError
from tradebot.venue.settings import VenueSettings, endpoints


class HistoryUnavailableError(SettingsError):
    """History cannot be had from where the settings say."""

    exit_code = 3


def of_candles(candles: list[list[float]]) -> pl.DataFrame:
    """Bars of `[ms, open, high, low, close, volume]`, newest first or not.

    Candles without trades are dropped: they repeat the last price, they are no observation.
    A candle does not say its weighted price; (high + low + close) / 3 stands for it.
    """
    if not candles:
        return bars.empty()
    names = ["ts", *bars.PRICES, "volume"]
    table = pl.DataFrame(candles, schema=dict.fromkeys(names, pl.Float64), orient="row")
    return (
        table.filter((pl.col("volume") > 0) & (pl.col("low") > 0))
        .with_columns(
            pl.col("ts").cast(pl.Int64),
            weighted=(pl.col("high") + pl.col("low") + pl.col("close")) / 3,
        )
        .unique("ts", keep="first")
        .sort("ts")
        .select(bars.SCHEMA.names())
    )


def fetch(settings: VenueSettings, client: httpx.Client | None = None) -> pl.DataFrame:
    """The minutes that the venue gives: about a day from Gemini, all there is from the emulator.

    The newest candle is dropped: its minute is not over.

    Raises:
        HistoryUnavailableError: the venue does not answer, or not with candles.
    """
    base = endpoints(settings).rest
    with client or httpx.Client(timeout=30) as http:
        candles: list[list[float]] = []
        if settings.environment == "Emulator":
            answer = _get(http, f"{base}/emulator/history", symbol=settings.symbol)
            candles = answer or []
        if not candles:
            answer = _get(http, f"{base}/v2/candles/{settings.symbol.lower()}/1m")
            if answer is None:
                raise HistoryUnavailableError(
                    f"{base} has no candles of {settings.symbol}: is the symbol right?"
                )
            candles = answer
    newest = max((row[0] for row in candles), default=0)
    return of_candles([row for row in candles if row[0] != newest])


def _get(http: httpx.Client, url: str, **parameters: str) -> Any:
    """The JSON that `url` answers, or `None` where there is no such thing."""
    try:
        response = http.get(url, params=parameters)
    except httpx.HTTPError as error:
        raise HistoryUnavailableError(
            f"history cannot be had from {url}: {error}; start the venue's emulator there, or name"
            " a file by --history-source Claim --history-file FILE"
        ) from None
    if response.status_code in (400, 404, 405):
        return None
    if response.status_code != 200:
        raise HistoryUnavailableError(f"{url} answers {response.status_code}: try again later")
    return response.json()
