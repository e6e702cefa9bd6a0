"""The messages of the new WebSocket's streams.

Times are in nanoseconds, those of balances in milliseconds, as the venue sends them.
"""

from typing import Any

import msgspec

from tradebot.domain.money import ZERO, short
from tradebot.emulator.book_market import BookMarket
from tradebot.emulator.feeds import BalanceUpdate, OrderUpdate, TapeTrade
from tradebot.emulator.instruments import ExchangeInstrument
from tradebot.emulator.matching.orders import BookSide
from tradebot.emulator.views import View

_NANOSECONDS = 1_000_000

_STATUS = {
    "accepted": "NEW",
    "rejected": "REJECTED",
    "booked": "OPEN",
    "cancelled": "CANCELED",
}


def encode(message: Any) -> str:
    """Encodes a message as JSON text."""
    return msgspec.json.encode(message).decode()


def trade_message(trade: TapeTrade, instrument: ExchangeInstrument) -> View:
    """`{symbol}@trade`; `m` says whether the buyer was the maker."""
    return {
        "E": trade.ts * _NANOSECONDS,
        "s": instrument.symbol.lower(),
        "t": trade.tid,
        "p": instrument.price_text(trade.price),
        "q": instrument.amount_text(trade.amount),
        "m": trade.maker_side == "bid",
    }


def book_ticker(market: BookMarket, now: int) -> View:
    """`{symbol}@bookTicker`: the best prices and their sizes, without an empty side."""
    instrument = market.instrument
    message: View = {
        "u": market.sequence,
        "E": now * _NANOSECONDS,
        "s": instrument.symbol.lower(),
    }
    for side, price_key, size_key in (("bid", "b", "B"), ("ask", "a", "A")):
        for price, size in _levels(market, side, 1):
            message[price_key] = instrument.price_text(price)
            message[size_key] = instrument.amount_text(size)
    return message


def _levels(market: BookMarket, side: str, limit: int) -> list[tuple[int, int]]:
    return market.levels("bid" if side == "bid" else "ask", limit)


def level_texts(market: BookMarket, side: BookSide, limit: int) -> list[list[str]]:
    """Returns prices and sizes of a side as text, best first."""
    instrument = market.instrument
    return [
        [instrument.price_text(price), instrument.amount_text(size)]
        for price, size in market.levels(side, limit)
    ]


def partial_depth(market: BookMarket, limit: int) -> View:
    """`{symbol}@depth5` and similar: the best levels."""
    return {
        "lastUpdateId": market.sequence,
        "bids": level_texts(market, "bid", limit),
        "asks": level_texts(market, "ask", limit),
    }


def depth_snapshot(market: BookMarket, now: int) -> View:
    """The whole book as a first `depthUpdate`; its `U` is its `u`."""
    return {
        "e": "depthUpdate",
        "E": now * _NANOSECONDS,
        "s": market.instrument.symbol.lower(),
        "U": market.sequence,
        "u": market.sequence,
        "b": level_texts(market, "bid", 0),
        "a": level_texts(market, "ask", 0),
    }


class DepthDiff:
    """The changes of a book since the last message of a differential stream."""

    def __init__(self, market: BookMarket) -> None:
        self._market = market
        self._sent = market.sequence
        self._ts = 0
        self._sides: dict[BookSide, dict[int, int]] = {"bid": {}, "ask": {}}

    def change(self, side: BookSide, price: int, remaining: int, ts: int) -> None:
        """Records a level's new size."""
        self._sides[side][price] = remaining
        self._ts = ts

    def take(self) -> View | None:
        """Returns the message of all changes and resets; `None` if nothing changed."""
        if self._sent == self._market.sequence:
            return None
        instrument = self._market.instrument
        first, self._sent = self._sent + 1, self._market.sequence
        bids, asks = self._texts("bid"), self._texts("ask")
        self._sides = {"bid": {}, "ask": {}}
        return {
            "e": "depthUpdate",
            "E": self._ts * _NANOSECONDS,
            "s": instrument.symbol.lower(),
            "U": first,
            "u": self._sent,
            "b": bids,
            "a": asks,
        }

    def _texts(self, side: BookSide) -> list[list[str]]:
        instrument = self._market.instrument
        return [
            [instrument.price_text(price), instrument.amount_text(size)]
            for price, size in self._sides[side].items()
        ]


def order_message(update: OrderUpdate) -> View | None:
    """`orders@account`; `None` for steps that this stream does not report."""
    ticket, instrument = update.ticket, update.instrument
    if update.type == "fill":
        status = "FILLED" if ticket.remaining == 0 else "PARTIALLY_FILLED"
    elif update.type in _STATUS:
        status = _STATUS[update.type]
    else:
        return None
    order = ticket.order
    message: View = {
        "e": "orderUpdate",
        "E": update.ts * _NANOSECONDS,
        "s": ticket.symbol.lower(),
        "i": order.id,
        "S": order.side.upper(),
        "o": "STOP_LIMIT" if ticket.stop else "LIMIT",
        "X": status,
        "p": instrument.price_text(order.price),
        "q": instrument.amount_text(order.amount),
        "z": instrument.amount_text(ticket.remaining),
        "T": update.ts * _NANOSECONDS,
    }
    if ticket.client_order_id is not None:
        message["c"] = ticket.client_order_id
    if update.fill is not None:
        message["Z"] = instrument.amount_text(update.fill.amount)
        message["L"] = instrument.price_text(update.fill.price)
        message["t"] = update.fill.tid
        message["n"] = short(update.fill.fee)
        message["m"] = update.fill.liquidity == "Maker"
    elif update.type == "cancelled":
        message["Z"] = instrument.amount_text(ticket.executed)
    if update.reason:
        message["r"] = update.reason
    return message


def balance_message(update: BalanceUpdate) -> View:
    """`balances@account`: `f` is available, `c` the total."""
    ledger = update.account.ledger
    return {
        "e": "balanceUpdate",
        "E": update.ts,
        "u": update.ts,
        "B": [
            {
                "a": currency,
                "f": short(max(ZERO, ledger.available(currency))),
                "c": short(ledger.amount(currency)),
            }
            for currency in update.currencies
        ],
    }
