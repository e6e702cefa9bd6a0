"""The clients of the new WebSocket, and when each stream is sent."""

from tradebot.emulator.exchange import Exchange
from tradebot.emulator.faults.state import FaultState
from tradebot.emulator.feeds import BalanceUpdate, MarketUpdate, OrderUpdate
from tradebot.emulator.sockets.streams import (
    DepthDiff,
    balance_message,
    book_ticker,
    depth_snapshot,
    encode,
    order_message,
    partial_depth,
    trade_message,
)
from tradebot.emulator.sockets.ws import WsClient, WsMethods

_FAST, _SLOW = 0.1, 1.0
"""Seconds of exchange time between messages of `@100ms` streams and of the others."""


class WsFeed:
    """All clients of the new WebSocket."""

    def __init__(self, exchange: Exchange, state: FaultState) -> None:
        self._exchange = exchange
        self._state = state
        self._clients: list[WsClient] = []
        self._wanted: set[str] = set()
        self._diffs: dict[str, DepthDiff] = {}
        self._touch: dict[str, str] = {}
        self._sent = {_FAST: 0, _SLOW: 0}
        self.methods = WsMethods(exchange, state, self._subscribed)
        exchange.feeds.market.append(self._on_market)
        exchange.feeds.orders.append(self._on_order)
        exchange.feeds.balances.append(self._on_balance)

    def join(self, client: WsClient) -> None:
        """Adds a client without subscriptions."""
        self._clients.append(client)

    def leave(self, client: WsClient) -> None:
        """Removes a client."""
        self._clients.remove(client)
        self._rewant()

    def _rewant(self) -> None:
        self._wanted = {stream for client in self._clients for stream in client.streams}
        self._diffs = {name: diff for name, diff in self._diffs.items() if name in self._wanted}

    def _subscribed(self, client: WsClient, stream: str, snapshot: bool) -> None:
        symbol, _, kind = stream.partition("@")
        market = self._exchange.market(symbol)
        if market is not None and kind in ("depth", "depth@100ms"):
            # Send the others what is pending first, so that one message fits all from here on.
            self._send_diff(stream)
            self._diffs.setdefault(stream, DepthDiff(market))
            if snapshot:
                message = depth_snapshot(market, self._exchange.clock.now())
                client.connection.send(encode(message))
        elif market is not None and kind == "bookTicker":
            client.connection.send(encode(book_ticker(market, self._exchange.clock.now())))
        self._rewant()

    def _to(self, stream: str, text: str) -> None:
        for client in self._clients:
            if stream in client.streams:
                client.connection.send(text)

    def _on_market(self, update: MarketUpdate) -> None:
        symbol = update.instrument.symbol.lower()
        if update.trade is not None and f"{symbol}@trade" in self._wanted:
            self._to(f"{symbol}@trade", encode(trade_message(update.trade, update.instrument)))
        change = update.change
        for kind in ("depth", "depth@100ms"):
            diff = self._diffs.get(f"{symbol}@{kind}")
            if diff is not None:
                diff.change(change.side, change.price, change.remaining, update.ts)

    def _on_order(self, update: OrderUpdate) -> None:
        message = order_message(update) if self._clients else None
        if message is None or self._state.muted(update.ticket.order.id):
            return
        text = encode(message)
        for client in self._clients:
            if client.caller is None or client.caller.account is not update.account:
                continue
            own = client.caller.key.name == update.ticket.session
            if "orders@account" in client.streams or (own and "orders@session" in client.streams):
                client.connection.send(text)

    def _on_balance(self, update: BalanceUpdate) -> None:
        for client in self._clients:
            if client.caller is not None and client.caller.account is update.account:
                for stream in ("balances@account", "balances@account@1s"):
                    if stream in client.streams:
                        client.connection.send(encode(balance_message(update)))

    def flush(self) -> None:
        """Sends the streams that are due."""
        if not self._wanted:
            return
        now = self._exchange.clock.market()
        due = [each for each, at in self._sent.items() if now - at >= 1000 * each]
        for each in due:
            self._sent[each] = now
        for stream in self._wanted:
            symbol, _, kind = stream.partition("@")
            if kind == "bookTicker":
                self._send_touch(stream, symbol)
            elif kind.startswith("depth") and (_FAST if "@" in kind else _SLOW) in due:
                self._send_depth(stream, symbol, kind)

    def _send_touch(self, stream: str, symbol: str) -> None:
        market = self._exchange.markets[symbol.upper()]
        message = book_ticker(market, self._exchange.clock.now())
        touch = "/".join(str(message.get(key)) for key in "bBaA")
        if self._touch.get(symbol) != touch:
            self._touch[symbol] = touch
            self._to(stream, encode(message))

    def _send_depth(self, stream: str, symbol: str, kind: str) -> None:
        levels = kind.removeprefix("depth").partition("@")[0]
        if levels:
            market = self._exchange.markets[symbol.upper()]
            self._to(stream, encode(partial_depth(market, int(levels))))
        else:
            self._send_diff(stream)

    def _send_diff(self, stream: str) -> None:
        diff = self._diffs.get(stream)
        message = diff.take() if diff is not None else None
        if message is not None:
            self._to(stream, encode(message))
