"""The second market data socket, `/v2/marketdata`: subscriptions to books, trades and candles."""

from typing import Any

import msgspec

from tradebot.emulator.book_market import BookMarket
from tradebot.emulator.exchange import Exchange
from tradebot.emulator.feeds import MarketUpdate, TapeTrade
from tradebot.emulator.instruments import ExchangeInstrument
from tradebot.emulator.market.candles import INTERVALS
from tradebot.emulator.sockets.connection import Connection

_SNAPSHOT_TRADES = 50
_SNAPSHOT_CANDLES = 1440

_ERROR = '{"result":"error","reason":"NoValidTradingPairs"}'


class _Pending:
    """Changes of one symbol since the last flush."""

    def __init__(self) -> None:
        self.changes: list[str] = []
        self.trades: list[TapeTrade] = []


class V2Feed:
    """All clients of the second market data socket; updates are sent in batches."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._clients: dict[Connection, set[tuple[str, str]]] = {}
        self._pending = {symbol: _Pending() for symbol in exchange.symbols()}
        self._watched: set[str] = set()
        exchange.feeds.market.append(self._on_market)

    def join(self, connection: Connection) -> None:
        """Adds a client without subscriptions."""
        self._clients[connection] = set()

    def leave(self, connection: Connection) -> None:
        """Removes a client."""
        self._clients.pop(connection, None)
        self._rewatch()

    def _rewatch(self) -> None:
        self._watched = {symbol for each in self._clients.values() for _, symbol in each}

    def on_message(self, connection: Connection, text: str) -> None:
        """Subscribes or unsubscribes; the first message is the only acknowledgement."""
        try:
            message = msgspec.json.decode(text)
            kind = message["type"]
            wanted = [
                (str(each["name"]), str(symbol).upper())
                for each in message["subscriptions"]
                for symbol in each["symbols"]
            ]
        except (msgspec.DecodeError, KeyError, TypeError):
            connection.send(_ERROR)
            return
        self.flush()
        for name, symbol in wanted:
            market = self._exchange.market(symbol)
            if market is None or not (name == "l2" or _interval(name) in INTERVALS):
                connection.send(_ERROR)
            elif kind == "unsubscribe":
                self._clients[connection].discard((name, symbol))
            else:
                self._clients[connection].add((name, symbol))
                self._opening(connection, name, market)
        self._rewatch()

    def _opening(self, connection: Connection, name: str, market: BookMarket) -> None:
        if name == "l2":
            connection.send(_snapshot(market))
        else:
            connection.send(_candles(market, name, _SNAPSHOT_CANDLES))

    def beat(self) -> None:
        """Sends heartbeats to all clients, requested or not."""
        for connection in self._clients:
            self.beat_one(connection)

    def beat_one(self, connection: Connection) -> None:
        """Sends a heartbeat to one client."""
        connection.send(f'{{"type":"heartbeat","timestamp":{self._exchange.clock.now()}}}')

    def _on_market(self, update: MarketUpdate) -> None:
        instrument, change = update.instrument, update.change
        if instrument.symbol not in self._watched:
            return
        pending = self._pending[instrument.symbol]
        if update.trade is not None:
            pending.trades.append(update.trade)
        side = "buy" if change.side == "bid" else "sell"
        pending.changes.append(
            f'["{side}","{instrument.price_text(change.price)}",'
            f'"{instrument.amount_text(change.remaining)}"]'
        )

    def flush(self) -> None:
        """Sends what is pending: trades before their changes."""
        for symbol, pending in self._pending.items():
            if pending.changes:
                self._pending[symbol] = _Pending()
                self._send(self._exchange.markets[symbol], pending)

    def _send(self, market: BookMarket, pending: _Pending) -> None:
        instrument = market.instrument
        texts = [_encode(_trade(trade, instrument)) for trade in pending.trades]
        changes = ",".join(pending.changes)
        texts.append(
            f'{{"type":"l2_updates","symbol":"{instrument.symbol}","changes":[{changes}]}}'
        )
        candles: dict[str, str] = {}
        for connection, subscriptions in self._clients.items():
            for name, symbol in subscriptions:
                if symbol != instrument.symbol:
                    continue
                if name == "l2":
                    for text in texts:
                        connection.send(text)
                elif pending.trades:
                    if name not in candles:
                        candles[name] = _candles(market, name, 2)
                    connection.send(candles[name])


def _interval(name: str) -> str:
    return name.removeprefix("candles_")


def _candles(market: BookMarket, name: str, rows: int) -> str:
    changes = market.candles.last(_interval(name), rows)
    return _encode(
        {"type": f"{name}_updates", "symbol": market.instrument.symbol, "changes": changes}
    )


def _snapshot(market: BookMarket) -> str:
    instrument = market.instrument
    recent = [
        market.tape[-place] for place in range(1, min(_SNAPSHOT_TRADES, len(market.tape)) + 1)
    ]
    return _encode(
        {
            "type": "l2_updates",
            "symbol": instrument.symbol,
            "changes": [
                [name, instrument.price_text(price), instrument.amount_text(size)]
                for name, levels in (("buy", market.levels("bid")), ("sell", market.levels("ask")))
                for price, size in levels
            ],
            "trades": [_trade(trade, instrument) for trade in recent],
            "auction_events": [],
        }
    )


def _trade(trade: TapeTrade, instrument: ExchangeInstrument) -> dict[str, Any]:
    return {
        "type": "trade",
        "symbol": instrument.symbol,
        "event_id": trade.tid,
        "timestamp": trade.ts,
        "price": instrument.price_text(trade.price),
        "quantity": instrument.amount_text(trade.amount),
        "side": trade.taker,
    }


def _encode(message: dict[str, Any]) -> str:
    return msgspec.json.encode(message).decode()
