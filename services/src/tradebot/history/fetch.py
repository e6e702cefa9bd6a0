"""Minutes of any venue into the store, from where it ends, a page at a time."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import msgspec

from tradebot.history import store
from tradebot.history.bars import MINUTE
from tradebot.history.venue import HistoryUnavailableError, of_candles
from tradebot.platform.packages import missing
from tradebot.platform.settings import SettingsError

PAGE = 1000
"""Candles asked for at once; a venue may give fewer."""

Progress = Callable[[int, int], None]


class Exchange(Protocol):
    """What is used of a ccxt exchange."""

    id: str

    def load_markets(self) -> dict[str, Any]:
        """Markets by ccxt's name, such as BTC/USD."""
        ...

    def fetch_ohlcv(self, symbol: str, timeframe: str, since: int, limit: int) -> list[list[float]]:
        """Candles from `since` (ms) on, oldest first."""
        ...


def exchange(venue: str) -> Exchange:
    """A venue by ccxt's name of it, with its rate limit kept.

    Raises:
        SettingsError: ccxt is not installed, or knows no such venue.
    """
    try:
        import ccxt
    except ModuleNotFoundError as error:
        raise missing(f"venue {venue}", error) from None
    if venue not in ccxt.exchanges:
        raise SettingsError(
            f"venue is {venue!r}, which ccxt does not support: use one of its names, such as "
            "gemini, bitfinex, kraken or coinbase"
        )
    made: Exchange = getattr(ccxt, venue)({"enableRateLimit": True, "timeout": 30_000})
    return made


def market(found: Exchange, symbol: str) -> str:
    """ccxt's name of `symbol`, such as BTC/USD of BTCUSD.

    Raises:
        SettingsError: the venue has no such market.
        HistoryUnavailableError: it does not answer.
    """
    plain = symbol.replace("/", "").upper()
    markets: dict[str, Any] = _ask(found, found.load_markets)
    for name in markets:
        if name.replace("/", "").upper() == plain:
            return name
    raise SettingsError(
        f"{found.id} has no market {symbol}: look up its name on the venue's website"
    )


class Marker(msgspec.Struct, frozen=True):
    """How far a fetch came: minutes of `venue` in [start, until) are stored, in ms."""

    venue: str
    start: int
    until: int


def fetch(
    found: Exchange,
    symbol: str,
    folder: Path,
    *,
    start: int,
    end: int,
    progress: Progress = lambda _ts, _rows: None,
) -> int:
    """Fetches minutes in [start, end) that the store does not hold yet; answers how many are new.

    Each page is stored before the next is asked for, so that a fetch that was broken off goes on
    where it was.

    Raises:
        SettingsError: the venue has no such market, or the store holds another venue's minutes.
        HistoryUnavailableError: it does not answer.
    """
    name, plain = market(found, symbol), symbol.replace("/", "").upper()
    place = folder / plain / "fetched.json"
    since, added = _resume(place, found.id, start), 0
    first = min(start, since)
    while since < end:
        candles = _ask(found, partial(found.fetch_ohlcv, name, "1m", since, PAGE))
        known = [row for row in candles if since <= row[0] < end]
        newest = int(max(row[0] for row in known)) if known else since + (PAGE - 1) * MINUTE
        page = of_candles(known)
        if len(page):
            added += store.write(folder, plain, page)
        since = min(newest + MINUTE, end)
        _mark(place, Marker(found.id, first, since))
        progress(since, added)
    return added


def _resume(place: Path, venue: str, start: int) -> int:
    """Where a fetch from `start` goes on."""
    if not place.exists():
        return start
    marker = msgspec.json.decode(place.read_bytes(), type=Marker)
    if marker.venue != venue:
        raise SettingsError(
            f"{place.parent} contains minutes of {marker.venue}; choose another folder with "
            f"--out for {venue}"
        )
    return marker.until if marker.start <= start <= marker.until else start


def _mark(place: Path, marker: Marker) -> None:
    partial_file = place.with_suffix(".partial")
    place.parent.mkdir(parents=True, exist_ok=True)
    partial_file.write_bytes(msgspec.json.encode(marker))
    partial_file.replace(place)


def _ask(found: Exchange, question: Callable[[], Any]) -> Any:
    import ccxt

    try:
        return question()
    except ccxt.BaseError as error:
        raise HistoryUnavailableError(
            f"{found.id} does not return its history: {type(error).__name__}: {error}; try again "
            "later, the minutes downloaded so far are kept"
        ) from None
