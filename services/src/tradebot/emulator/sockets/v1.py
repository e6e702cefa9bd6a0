"""The first market data socket: `/v1/marketdata/{symbol}` and `/v1/multimarketdata`.

One message per change, after the trade behind it; `socket_sequence` counts the messages of a
connection, heartbeats included.
"""

from collections.abc import Mapping

from tradebot.emulator.book_market import BookMarket
from tradebot.emulator.exchange import Exchange
from tradebot.emulator.feeds import MarketUpdate
from tradebot.emulator.matching.orders import BookSide
from tradebot.emulator.sockets.connection import Connection


class V1Client:
    """One connection with its filters.

    Args:
        named: whether each event names its symbol (`/v1/multimarketdata`).
    """

    def __init__(self, connection: Connection, query: Mapping[str, str], *, named: bool) -> None:
        self.connection = connection
        self.heartbeat = _flag(query, "heartbeat", False)
        self._top_of_book = _flag(query, "top_of_book", False)
        self._sides = {"bid": _flag(query, "bids", True), "ask": _flag(query, "offers", True)}
        self._trades = _flag(query, "trades", True)
        self._named = named
        self._sequence = 0
        self._best: dict[tuple[str, BookSide], tuple[int, int]] = {}

    def opening(self, markets: list[BookMarket]) -> None:
        """Sends the whole book of each market, one message each, without a time."""
        for market in markets:
            sides: tuple[BookSide, BookSide] = ("bid", "ask")
            events = [
                self._level(market, side, price, size)
                for side in sides
                if self._sides[side]
                for price, size in market.levels(side, 1 if self._top_of_book else 0)
            ]
            self._send(f'"eventId":{1_000_000_000 + market.sequence}', events)

    def _level(self, market: BookMarket, side: BookSide, price: int, size: int) -> str:
        instrument = market.instrument
        amount = instrument.amount_text(size)
        symbol = f',"symbol":"{instrument.symbol}"' if self._named else ""
        if self._top_of_book:
            self._best[instrument.symbol, side] = (price, size)
            return (
                f'{{"type":"change","reason":"top-of-book","price":"{instrument.price_text(price)}",'
                f'"remaining":"{amount}","side":"{side}"{symbol}}}'
            )
        return (
            f'{{"type":"change","reason":"initial","price":"{instrument.price_text(price)}",'
            f'"delta":"{amount}","remaining":"{amount}","side":"{side}"{symbol}}}'
        )

    def update(self, update: MarketUpdate, market: BookMarket) -> None:
        """Sends the parts of a change that the client requested."""
        instrument, change = update.instrument, update.change
        symbol = f',"symbol":"{instrument.symbol}"' if self._named else ""
        events = []
        if update.trade is not None and self._trades:
            trade = update.trade
            events.append(
                f'{{"type":"trade","tid":{trade.tid},"price":"{instrument.price_text(trade.price)}",'
                f'"amount":"{instrument.amount_text(trade.amount)}",'
                f'"makerSide":"{trade.maker_side}"{symbol}}}'
            )
        if self._top_of_book:
            events += self._top(market)
        elif self._sides[change.side]:
            events.append(
                f'{{"type":"change","side":"{change.side}",'
                f'"price":"{instrument.price_text(change.price)}",'
                f'"remaining":"{instrument.amount_text(change.remaining)}",'
                f'"delta":"{instrument.delta_text(change.delta)}",'
                f'"reason":"{change.reason}"{symbol}}}'
            )
        if events:
            seconds = update.ts // 1000
            head = f'"eventId":{update.event_id},"timestamp":{seconds},"timestampms":{update.ts}'
            self._send(head, events)

    def _top(self, market: BookMarket) -> list[str]:
        sides: tuple[BookSide, BookSide] = ("bid", "ask")
        return [
            self._level(market, side, *levels[0])
            for side in sides
            if self._sides[side]
            and (levels := market.levels(side, 1))
            and self._best.get((market.instrument.symbol, side)) != levels[0]
        ]

    def beat(self) -> None:
        """Sends a heartbeat."""
        self.connection.send(f'{{"type":"heartbeat","socket_sequence":{self._sequence}}}')
        self._sequence += 1

    def _send(self, head: str, events: list[str]) -> None:
        self.connection.send(
            f'{{"type":"update",{head},"socket_sequence":{self._sequence},'
            f'"events":[{",".join(events)}]}}'
        )
        self._sequence += 1


class V1Feed:
    """All clients of the first market data socket."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._clients: dict[str, list[V1Client]] = {}
        exchange.feeds.market.append(self._on_market)

    def join(self, client: V1Client, markets: list[BookMarket]) -> None:
        """Adds a client: it gets the books, and all later changes."""
        client.opening(markets)
        for market in markets:
            self._clients.setdefault(market.instrument.symbol, []).append(client)

    def leave(self, client: V1Client) -> None:
        """Removes a client."""
        for clients in self._clients.values():
            if client in clients:
                clients.remove(client)

    def beat(self) -> None:
        """Sends heartbeats to clients that requested them."""
        for client in {id(c): c for clients in self._clients.values() for c in clients}.values():
            if client.heartbeat:
                client.beat()

    def _on_market(self, update: MarketUpdate) -> None:
        clients = self._clients.get(update.instrument.symbol)
        if clients:
            market = self._exchange.markets[update.instrument.symbol]
            for client in clients:
                client.update(update, market)


def _flag(query: Mapping[str, str], name: str, default: bool) -> bool:
    return query.get(name, str(default)).lower() == "true"
