"""The public calls. Each takes the exchange, the path's symbol and the query."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from tradebot.emulator.book_market import BookMarket
from tradebot.emulator.exchange import Exchange
from tradebot.emulator.feeds import TapeTrade
from tradebot.emulator.instruments import ExchangeInstrument
from tradebot.emulator.market.candles import INTERVALS
from tradebot.emulator.matching.orders import BookSide
from tradebot.emulator.refusals import RefusalError, bad_symbol
from tradebot.emulator.views import View
from tradebot.history.arrays import DAY

Query = Mapping[str, str]
Call = Callable[[Exchange, Mapping[str, str], Query], Any]

_HOUR = 3_600_000
_MOST_TRADES = 500


def market_of(exchange: Exchange, symbol: str) -> BookMarket:
    """Returns the market of a path's symbol.

    Raises:
        RefusalError: it is not traded.
    """
    market = exchange.market(symbol)
    if market is None:
        raise bad_symbol(symbol, [name.lower() for name in exchange.symbols()])
    return market


def symbols(exchange: Exchange, _path: Mapping[str, str], _query: Query) -> list[str]:
    """`/v1/symbols`."""
    return [name.lower() for name in exchange.symbols()]


def details(exchange: Exchange, path: Mapping[str, str], _query: Query) -> Any:
    """`/v1/symbols/details/{symbol}`, or `all` of them."""
    if path["symbol"].lower() == "all":
        return [_details(each) for each in exchange.markets.values()]
    return _details(market_of(exchange, path["symbol"]))


def _details(market: BookMarket) -> View:
    instrument = market.instrument
    return {
        "symbol": instrument.symbol,
        "base_currency": instrument.base,
        "quote_currency": instrument.quote,
        "tick_size": float(f"1e-{instrument.amount_places}"),
        "quote_increment": float(f"1e-{instrument.price_places}"),
        "min_order_size": instrument.minimum,
        "status": market.status,
        "wrap_enabled": False,
        "product_type": "spot",
        "contract_type": "vanilla",
        "contract_price_currency": instrument.quote,
    }


def pubticker(exchange: Exchange, path: Mapping[str, str], _query: Query) -> View:
    """`/v1/pubticker/{symbol}`."""
    market = market_of(exchange, path["symbol"])
    instrument, now = market.instrument, exchange.clock.now()
    rows = market.candles.last("1m", 1440)
    base = sum(row[5] for row in rows)
    quote = sum(row[5] * (row[2] + row[3] + row[4]) / 3 for row in rows)
    return {
        **_touch(market),
        "last": instrument.price_text(market.engine.last_price),
        "volume": {
            instrument.base: f"{base:.10f}",
            instrument.quote: f"{quote:.12f}",
            "timestamp": now,
        },
    }


def _touch(market: BookMarket) -> View:
    best = {"bid": market.levels("bid", 1), "ask": market.levels("ask", 1)}
    return {
        side: market.instrument.price_text(levels[0][0]) for side, levels in best.items() if levels
    }


def ticker(exchange: Exchange, path: Mapping[str, str], _query: Query) -> View:
    """`/v2/ticker/{symbol}`: of the last 24 hours."""
    market = market_of(exchange, path["symbol"])
    minutes = market.candles.last("1m", 1440)
    hours = market.candles.last("1hr", 24)
    places = market.instrument.price_places
    return {
        "symbol": market.instrument.symbol,
        "open": f"{minutes[-1][1]:.{places}f}",
        "high": f"{max(row[2] for row in minutes):.{places}f}",
        "low": f"{min(row[3] for row in minutes):.{places}f}",
        "close": f"{minutes[0][4]:.{places}f}",
        "changes": [f"{row[4]:.{places}f}" for row in hours],
        **_touch(market),
    }


def book(exchange: Exchange, path: Mapping[str, str], query: Query) -> View:
    """`/v1/book/{symbol}`; a limit of 0 is the whole side."""
    market = market_of(exchange, path["symbol"])
    timestamp = str(exchange.clock.now() // 1000)
    instrument = market.instrument
    sides = {"bids": _levels(market, "bid", query), "asks": _levels(market, "ask", query)}
    return {
        name: [
            {
                "price": instrument.price_text(price),
                "amount": instrument.amount_text(size),
                "timestamp": timestamp,
            }
            for price, size in levels
        ]
        for name, levels in sides.items()
    }


def _levels(market: BookMarket, side: BookSide, query: Query) -> list[tuple[int, int]]:
    return market.levels(side, _whole(query, f"limit_{side}s", 50))


def trades(exchange: Exchange, path: Mapping[str, str], query: Query) -> list[View]:
    """`/v1/trades/{symbol}`, newest first."""
    market = market_of(exchange, path["symbol"])
    limit = min(_MOST_TRADES, _whole(query, "limit_trades", 50))
    since_tid = _whole(query, "since_tid", 0)
    since = milliseconds(_whole(query, "timestamp", _whole(query, "since", 0)))
    found: list[View] = []
    for trade in reversed(market.tape):
        old = trade.tid <= since_tid if since_tid else trade.ts <= since
        if old or len(found) == limit:
            break
        found.append(trade_view(trade, market.instrument))
    return found


def trade_view(trade: TapeTrade, instrument: ExchangeInstrument) -> View:
    """Formats a trade for `/v1/trades`; `type` is the taker's side."""
    return {
        "timestamp": trade.ts // 1000,
        "timestampms": trade.ts,
        "tid": trade.tid,
        "price": instrument.price_text(trade.price),
        "amount": instrument.amount_text(trade.amount),
        "exchange": "gemini",
        "type": trade.taker,
    }


def candles(exchange: Exchange, path: Mapping[str, str], _query: Query) -> list[list[float]]:
    """`/v2/candles/{symbol}/{interval}`, newest first."""
    market = market_of(exchange, path["symbol"])
    interval = path["interval"]
    if interval not in INTERVALS:
        raise RefusalError(400, "Bad Request", f"Supplied value '{interval}' is not a time frame")
    return market.candles.last(interval, exchange.settings.candle_rows)


def pricefeed(exchange: Exchange, _path: Mapping[str, str], _query: Query) -> list[View]:
    """`/v1/pricefeed`."""
    feed = []
    for market in exchange.markets.values():
        before = market.candles.last("1hr", DAY // _HOUR)[-1][1]
        last = market.engine.last_price / 10**market.instrument.price_places
        feed.append(
            {
                "pair": market.instrument.symbol,
                "price": market.instrument.price_text(market.engine.last_price),
                "percentChange24h": f"{(last - before) / before * 100:.2f}",
            }
        )
    return feed


def milliseconds(timestamp: int) -> int:
    """Converts a timestamp in seconds or milliseconds to milliseconds."""
    return timestamp * 1000 if 0 < timestamp < 10**11 else timestamp


def _whole(query: Query, name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    try:
        return max(0, int(Decimal(text)))
    except (ArithmeticError, ValueError):
        raise RefusalError(
            400, "Bad Request", f"Supplied value '{text}' for '{name}' is not a number"
        ) from None


CALLS: dict[str, Call] = {
    "/v1/symbols": symbols,
    "/v1/symbols/details/{symbol}": details,
    "/v1/pubticker/{symbol}": pubticker,
    "/v2/ticker/{symbol}": ticker,
    "/v1/book/{symbol}": book,
    "/v1/trades/{symbol}": trades,
    "/v2/candles/{symbol}/{interval}": candles,
    "/v1/pricefeed": pricefeed,
}
