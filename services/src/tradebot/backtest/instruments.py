"""The instrument of a backtest: the steps and the smallest order of its symbol.

They come from an installed venue, from ccxt's markets, or from the user. If nothing is known, the
price step is inferred from the data's digits.
"""

import asyncio
import math
from contextlib import aclosing
from decimal import Decimal
from functools import cache
from typing import Any, Final

import msgspec
import numpy as np

from tradebot.backtest.metrics import Floats
from tradebot.backtest.settings import CostSettings
from tradebot.domain.instrument import Instrument, split_symbol
from tradebot.domain.money import exact
from tradebot.history import fetch
from tradebot.history.venue import HistoryUnavailableError
from tradebot.platform.settings import SettingsError
from tradebot.strategies.interface import Bars
from tradebot.venue.errors import VenueError
from tradebot.venue.port import open_venue, venue_names
from tradebot.venue.settings import VenueSettings

AMOUNT_STEP: Final = Decimal("0.00000001")
MINIMUM: Final = Decimal("0.00001")
"""Smallest order of an unknown symbol, in base currency."""

MOST_PLACES: Final = 12
"""Prices with more decimals are results of arithmetic and on no step."""

DIGITS: Final = 5
"""Minimum significant digits of the lowest price, so that a step costs at most a basis point."""

ROWS: Final = 100_000
"""Rows whose digits are examined, spread over the data."""

SIGNIFICANT_DIGITS: Final = 3
"""ccxt's mode of venues whose price step depends on the price."""


def instrument(settings: CostSettings, bars: Bars) -> Instrument:
    """Returns the settings' symbol, with their overrides of its steps.

    Raises:
        SettingsError: the venue does not know the symbol or cannot be reached, or a price of the
            data is below the price step.
    """
    symbol = settings.symbol.replace("/", "").replace("-", "").upper()
    low = float(bars.low.min())
    known = _of_venue(settings.venue, symbol, low) if settings.venue else _of_data(symbol, bars)
    given = {
        name: exact(value)
        for name in ("price_step", "amount_step", "minimum")
        if (value := getattr(settings, name)) is not None
    }
    found = msgspec.structs.replace(known, **given)
    if exact(low) < found.price_step:
        raise SettingsError(
            f"the price step is {found.price_step}, but the data has a price of {low:g}: set a"
            " smaller one with --price-step"
        )
    return found


def _of_data(symbol: str, bars: Bars) -> Instrument:
    base, quote = split_symbol(symbol) if symbol else ("", "")
    return Instrument(
        symbol=symbol,
        base=base,
        quote=quote,
        price_step=price_step(bars),
        amount_step=AMOUNT_STEP,
        minimum=MINIMUM,
    )


def price_step(bars: Bars) -> Decimal:
    """Returns the step of all prices of the data, a power of ten.

    It is finer if the data's digits are few for its lowest price: a coin at 0.00001 is not traded
    in steps of 0.00001.
    """
    rows = slice(None, None, max(1, len(bars.ts) // ROWS))
    prices = np.concatenate([bars.open[rows], bars.high[rows], bars.low[rows], bars.close[rows]])
    return Decimal(1).scaleb(-max(_decimals(prices), _places(float(bars.low.min()))))


def _decimals(prices: Floats) -> int:
    """Returns the number of decimals that the prices are written with.

    >>> _decimals(np.array([1.5, 0.25, 3.0]))
    2
    """
    for places in range(MOST_PLACES):
        scaled = prices * 10.0**places
        if np.all(np.abs(scaled - np.rint(scaled)) <= np.maximum(1e-9, scaled * 2.0**-50)):
            return places
    return MOST_PLACES


def _places(price: float) -> int:
    """Returns the decimals with which `price` has `DIGITS` significant digits.

    >>> _places(0.004), _places(58_000.0)
    (7, 0)
    """
    return max(0, DIGITS - 1 - math.floor(math.log10(price)))


@cache
def _of_venue(venue: str, symbol: str, low: float) -> Instrument:
    if not symbol:
        raise SettingsError(
            f"--venue is {venue}, but there is no symbol: set --symbol, such as BTCUSD"
        )
    if venue in venue_names():
        return asyncio.run(_of_installed(venue, symbol))
    exchange = fetch.exchange(venue)
    try:
        name = fetch.market(exchange, symbol)
    except HistoryUnavailableError as error:
        raise _unknown(venue, symbol, error) from None
    mode = getattr(exchange, "precisionMode", None)
    return of_ccxt(symbol, exchange.load_markets()[name], low, mode == SIGNIFICANT_DIGITS)


async def _of_installed(venue: str, symbol: str) -> Instrument:
    try:
        settings = VenueSettings(symbol=symbol, venue=venue, environment="Production")
        async with aclosing(open_venue(settings)) as opened:
            return await opened.market.instrument(symbol)
    except VenueError as error:
        raise _unknown(venue, symbol, error) from None


def _unknown(venue: str, symbol: str, error: Exception) -> SettingsError:
    return SettingsError(
        f"{venue} does not say how {symbol} is traded: {error}. Give --price-step, --amount-step"
        " and --minimum instead of --venue"
    )


def of_ccxt(symbol: str, market: dict[str, Any], low: float, significant: bool) -> Instrument:
    """Converts ccxt's description of a market.

    Args:
        market: one of `load_markets`.
        low: the lowest price of the data.
        significant: whether the venue's price precision is a number of significant digits.

    Raises:
        SettingsError: the description has no price precision.
    """
    precision, least = market["precision"], market["limits"]["amount"]["min"]
    if precision["price"] is None:
        raise SettingsError(f"the venue has no price step for {symbol}: set --price-step")
    price = Decimal(str(precision["price"]))
    if significant:
        price = Decimal(1).scaleb(1 + math.floor(math.log10(low)) - int(price))
    amount = precision["amount"]
    return Instrument(
        symbol=symbol,
        base=market["base"],
        quote=market["quote"],
        price_step=price,
        amount_step=AMOUNT_STEP if amount is None else Decimal(str(amount)),
        minimum=MINIMUM if least is None else Decimal(str(least)),
    )
