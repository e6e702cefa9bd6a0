"""Fetches minutes of any venue into the store, continuing where it ends, page by page."""

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
"""Candles per request; a venue may return fewer."""

Progress = Callable[[int, int], None]


class CcxtExchange(Protocol):
    """The parts of a ccxt exchange that are used."""

    id: str

    def load_markets(self) -> dict[str, Any]:
        """Returns markets by ccxt's name, such as BTC/USD."""
        ...

    def fetch_ohlcv(self, symbol: str, timeframe: str, since: int, limit: int) -> list[list[float]]:
        """Returns candles from `since` (ms) on, oldest first."""
        ...


def exchange(venue: str) -> CcxtExchange:
    """Returns a venue by ccxt's name, with its rate limit enabled.

    Raises:
        SettingsError: ccxt is not installed, or does not support the venue.
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
    made: CcxtExchange = getattr(ccxt, venue)({"enableRateLimit": True, "timeout": 30_000})
    return made


def market(found: CcxtExchange, symbol: str) -> str:
    """Returns ccxt's name of `symbol`, such as BTC/USD for BTCUSD.

    Raises:
        SettingsError: the venue has no such market.
        HistoryUnavailableError: it does not respond.
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
    """What need not be fetched again: minutes of `venue` in [start, until), in ms.

    Invariant: the venue had a candle at or after the end of every part of it, so a part without
    minutes is one without trades, not one that the venue lacked.
    """

    venue: str
    start: int
    until: int


def fetch(
    found: CcxtExchange,
    symbol: str,
    folder: Path,
    *,
    start: int,
    end: int,
    now: int = 0,
    progress: Progress = lambda _ts, _rows: None,
) -> int:
    """Fetches minutes in [start, end) that the store lacks; returns how many are new.

    Each page is stored before the next request, so an interrupted fetch continues where it was.

    Args:
        now: ms UTC; the open minute and later ones are never fetched. 0 sets no limit.

    Raises:
        SettingsError: the venue has no such market, or the store holds another venue's minutes.
        HistoryUnavailableError: it does not respond.
    """
    name, plain = market(found, symbol), symbol.replace("/", "").upper()
    place = folder / plain / "fetched.json"
    marker = _marker(place, found.id)
    end = min(end, now // MINUTE * MINUTE if now else end)
    since, quiet, added = start, start, 0
    while since < end:
        if marker is not None and marker.start <= since < marker.until:
            since = quiet = marker.until
            continue
        candles = _ask(found, partial(found.fetch_ohlcv, name, "1m", since, PAGE))
        known = [row for row in candles if since <= row[0] < end]
        page = of_candles(known)
        if len(page):
            added += store.write(folder, plain, page)
        if known:
            first, until = _span(known, since)
            if marker is not None and marker.until == quiet:
                first = quiet  # minutes before and after exist, so there were no trades in between
            marker = _joined(marker, found.id, first, until)
            _mark(place, marker)
            since = quiet = until
        else:
            since += PAGE * MINUTE
        progress(min(since, end), added)
    return added


def _span(known: list[list[float]], since: int) -> tuple[int, int]:
    """Returns the minutes that a page covers: from the requested start, if it begins there.

    A venue that keeps only recent minutes returns those for any request; what it left out at the
    front is not covered.
    """
    first, last = int(min(row[0] for row in known)), int(max(row[0] for row in known))
    return (since if first < since + PAGE * MINUTE else first), last + MINUTE


def _joined(marker: Marker | None, venue: str, start: int, until: int) -> Marker:
    """Adds a page to the marker; a page that does not touch it replaces it."""
    if marker is None or start > marker.until or until < marker.start:
        return Marker(venue, start, until)
    return Marker(venue, min(marker.start, start), max(marker.until, until))


def _marker(place: Path, venue: str) -> Marker | None:
    if not place.exists():
        return None
    try:
        marker = msgspec.json.decode(place.read_bytes(), type=Marker)
    except msgspec.DecodeError:
        return None  # what it covered is fetched again, which costs only time
    if marker.venue != venue:
        raise SettingsError(
            f"{place.parent} contains minutes of {marker.venue}; choose another folder with "
            f"--out for {venue}"
        )
    return marker


def _mark(place: Path, marker: Marker) -> None:
    partial_file = place.with_suffix(".partial")
    place.parent.mkdir(parents=True, exist_ok=True)
    partial_file.write_bytes(msgspec.json.encode(marker))
    partial_file.replace(place)


def _ask(found: CcxtExchange, question: Callable[[], Any]) -> Any:
    import ccxt

    try:
        return question()
    except ccxt.BaseError as error:
        raise HistoryUnavailableError(
            f"{found.id} does not return its history: {type(error).__name__}: {error}; try again "
            "later, the minutes downloaded so far are kept"
        ) from None
