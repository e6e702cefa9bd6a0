"""The old order events socket, `/v1/order/events`."""

from typing import Any

import msgspec

from tradebot.domain.money import short
from tradebot.emulator.accounts.account import Ticket
from tradebot.emulator.exchange import Exchange
from tradebot.emulator.faults.state import FaultState
from tradebot.emulator.feeds import OrderUpdate
from tradebot.emulator.instruments import ExchangeInstrument
from tradebot.emulator.rest.signed import Caller
from tradebot.emulator.sockets.connection import Connection
from tradebot.emulator.views import View, average_price, order_type


class Filters(msgspec.Struct, frozen=True):
    """The client's filters; an empty list means everything."""

    symbols: list[str]
    sessions: list[str]
    types: list[str]
    heartbeat: bool

    def pass_(self, kind: str, ticket: Ticket) -> bool:
        """Whether the client wants this event of this order."""
        return (
            (not self.symbols or ticket.symbol.lower() in self.symbols)
            and (not self.sessions or ticket.session in self.sessions)
            and (not self.types or kind in self.types)
        )


class OrderClient:
    """One connection, its account and filters."""

    def __init__(self, connection: Connection, caller: Caller, filters: Filters) -> None:
        self.connection = connection
        self.account = caller.account
        self.filters = filters
        self._sequence = 0
        self._beats = 0

    def opening(self, exchange: Exchange) -> None:
        """Sends the acknowledgement and each live order."""
        number = self.account.number
        acknowledgement: View = {
            "type": "subscription_ack",
            "accountId": number,
            "subscriptionId": f"ws-order-events-{number}-{id(self.connection):x}",
            "symbolFilter": self.filters.symbols,
            "apiSessionFilter": self.filters.sessions,
            "eventTypeFilter": self.filters.types,
        }
        self.connection.send(_encode(acknowledgement))
        for ticket in self.account.live.values():
            if self.filters.pass_("initial", ticket):
                instrument = exchange.markets[ticket.symbol].instrument
                self._send(_order("initial", ticket, instrument, exchange.clock.now()))

    def update(self, update: OrderUpdate) -> None:
        """Sends one event, as an array of one."""
        if update.account is self.account and self.filters.pass_(update.type, update.ticket):
            self._send(_event(update))

    def beat(self, now: int) -> None:
        """Sends a heartbeat."""
        beat: View = {
            "type": "heartbeat",
            "timestampms": now,
            "sequence": self._beats,
            "trace_id": f"{self.account.number:x}{self._beats:08x}",
            "socket_sequence": self._sequence,
        }
        self._beats += 1
        self._sequence += 1
        self.connection.send(_encode(beat))

    def _send(self, event: View) -> None:
        event["socket_sequence"] = self._sequence
        self._sequence += 1
        self.connection.send(_encode([event]))


class OrderFeed:
    """All clients of order events."""

    def __init__(self, exchange: Exchange, state: FaultState) -> None:
        self._exchange = exchange
        self._state = state
        self._clients: list[OrderClient] = []
        exchange.feeds.orders.append(self._on_order)

    def join(self, client: OrderClient) -> None:
        """Adds a client: it gets its live orders, and all later events of its orders."""
        client.opening(self._exchange)
        self._clients.append(client)

    def leave(self, client: OrderClient) -> None:
        """Removes a client."""
        self._clients.remove(client)

    def beat(self) -> None:
        """Sends heartbeats to clients that requested them."""
        for client in self._clients:
            if client.filters.heartbeat:
                client.beat(self._exchange.clock.now())

    def _on_order(self, update: OrderUpdate) -> None:
        if self._state.muted(update.ticket.order.id):
            return
        for client in self._clients:
            client.update(update)


def _order(kind: str, ticket: Ticket, instrument: ExchangeInstrument, ts: int) -> View:
    order = ticket.order
    view: View = {
        "type": kind,
        "order_id": str(order.id),
        "api_session": ticket.session,
        "symbol": ticket.symbol.lower(),
        "side": order.side,
        "order_type": order_type(ticket),
        "timestamp": str(ts // 1000),
        "timestampms": ts,
        "is_live": ticket.is_live and kind != "rejected",
        "is_cancelled": ticket.cancelled,
        "is_hidden": False,
        "avg_execution_price": average_price(ticket, instrument),
        "executed_amount": instrument.amount_text(ticket.executed),
        "remaining_amount": instrument.amount_text(ticket.remaining),
        "original_amount": instrument.amount_text(order.amount),
        "price": instrument.price_text(order.price),
        "total_spend": short(ticket.spent),
    }
    if ticket.client_order_id is not None:
        view["client_order_id"] = ticket.client_order_id
    if order.behaviour:
        view["behavior"] = order.behaviour
    if ticket.stop:
        view["stop_price"] = instrument.price_text(ticket.stop)
    return view


def _event(update: OrderUpdate) -> View:
    instrument = update.instrument
    view = _order(update.type, update.ticket, instrument, update.ts)
    view["event_id"] = str(update.event_id)
    if update.reason:
        view["reason"] = update.reason
    if update.type == "cancelled":
        view["cancel_command_id"] = str(update.event_id)
    if update.fill is not None:
        view["fill"] = {
            "trade_id": str(update.fill.tid),
            "liquidity": update.fill.liquidity,
            "price": instrument.price_text(update.fill.price),
            "amount": instrument.amount_text(update.fill.amount),
            "fee": short(update.fill.fee),
            "fee_currency": update.fill.fee_currency,
        }
    return view


def _encode(message: Any) -> str:
    return msgspec.json.encode(message).decode()
