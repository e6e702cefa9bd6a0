"""The private calls. Each takes the exchange and the authenticated caller."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from tradebot.emulator.accounts.account import ExchangeAccount, Ticket
from tradebot.emulator.accounts.keys import Role
from tradebot.emulator.exchange import Exchange
from tradebot.emulator.refusals import RefusalError, bad_order_symbol, order_not_found
from tradebot.emulator.rest.order_form import order_request
from tradebot.emulator.rest.public import milliseconds
from tradebot.emulator.rest.signed import Caller
from tradebot.emulator.views import View, balances_view, fill_view, order_view

_TRADER: tuple[Role, ...] = ("Trader",)
_READER: tuple[Role, ...] = ("Trader", "Auditor")
_ANYONE: tuple[Role, ...] = ("Trader", "FundManager", "Auditor")


class Call(msgspec.Struct, frozen=True):
    """A private call: the roles that may make it, and its handler."""

    roles: tuple[Role, ...]
    answer: Callable[[Exchange, Caller], Any]


def new_order(exchange: Exchange, caller: Caller) -> View:
    """`/v1/order/new`."""
    request = order_request(exchange, caller.parameters, caller.key.name)
    ticket = exchange.desk.place(caller.account, request)
    return order_view(ticket, request.market.instrument)


def cancel(exchange: Exchange, caller: Caller) -> View:
    """`/v1/order/cancel`; an order that is not live is returned unchanged."""
    ticket = _by_order_id(exchange, caller, caller.parameters.get("order_id"))
    market = exchange.markets[ticket.symbol]
    exchange.desk.cancel(caller.account, market, ticket, "Requested")
    return order_view(ticket, market.instrument)


def cancel_session(exchange: Exchange, caller: Caller) -> View:
    """`/v1/order/cancel/session`: the orders of this key."""
    return _cancelled(exchange, caller.account, caller.key.name)


def cancel_all(exchange: Exchange, caller: Caller) -> View:
    """`/v1/order/cancel/all`: the orders of all keys of the account."""
    return _cancelled(exchange, caller.account, None)


def _cancelled(exchange: Exchange, account: ExchangeAccount, session: str | None) -> View:
    ids = exchange.cancel_orders(account, session)
    return {"result": "ok", "details": {"cancelledOrders": ids, "cancelRejects": []}}


def status(exchange: Exchange, caller: Caller) -> Any:
    """`/v1/order/status`: one order by its id, a list by client order id."""
    parameters = caller.parameters
    trades = parameters.get("include_trades") in (True, "true")
    if parameters.get("order_id") is not None:
        ticket = _by_order_id(exchange, caller, parameters["order_id"])
        return order_view(ticket, exchange.markets[ticket.symbol].instrument, trades=trades)
    name = parameters.get("client_order_id")
    if name is None:
        raise RefusalError(400, "MissingOrderField", "Give order_id or client_order_id")
    found = exchange.desk.by_client_order_id(caller.account, str(name))
    if not found:
        raise order_not_found(name)
    return [
        order_view(each, exchange.markets[each.symbol].instrument, trades=trades) for each in found
    ]


def _by_order_id(exchange: Exchange, caller: Caller, order_id: object) -> Ticket:
    try:
        number = int(str(order_id))
    except ValueError:
        raise RefusalError(400, "Bad Request", f"'{order_id}' is not an order id") from None
    ticket = exchange.desk.ticket(caller.account, number)
    if ticket is None:
        raise order_not_found(order_id)
    return ticket


def orders(exchange: Exchange, caller: Caller) -> list[View]:
    """`/v1/orders`: the live ones of all symbols."""
    return [
        order_view(ticket, exchange.markets[ticket.symbol].instrument)
        for ticket in caller.account.live.values()
    ]


def history(exchange: Exchange, caller: Caller) -> list[View]:
    """`/v1/orders/history`: closed orders, newest first."""
    symbol = _symbol(exchange, caller)
    since = milliseconds(_number(caller, "timestamp", 0))
    found = [
        ticket
        for ticket in reversed(caller.account.closed)
        if (symbol is None or ticket.symbol == symbol) and ticket.created >= since
    ]
    return [
        order_view(ticket, exchange.markets[ticket.symbol].instrument, trades=True)
        for ticket in found[: min(500, _number(caller, "limit_orders", 50))]
    ]


def my_trades(exchange: Exchange, caller: Caller) -> list[View]:
    """`/v1/mytrades`, newest first: the first from `timestamp` on, or the last without it."""
    symbol = _symbol(exchange, caller)
    since = milliseconds(_number(caller, "timestamp", 0))
    found = [
        fill
        for fill in caller.account.fills
        if (symbol is None or fill.symbol == symbol) and fill.ts >= since
    ]
    limit = min(500, _number(caller, "limit_trades", 50))
    page = found[:limit] if "timestamp" in caller.parameters else found[-limit:]
    return [fill_view(fill, exchange.markets[fill.symbol].instrument) for fill in reversed(page)]


def _symbol(exchange: Exchange, caller: Caller) -> str | None:
    name = caller.parameters.get("symbol")
    if name is None:
        return None
    market = exchange.market(str(name))
    if market is None:
        raise bad_order_symbol(name, exchange.symbols())
    return market.instrument.symbol


def _number(caller: Caller, name: str, default: int) -> int:
    value = caller.parameters.get(name, default)
    try:
        return max(0, int(Decimal(str(value))))
    except (ArithmeticError, ValueError):
        reason = "InvalidTimestampInPayload" if name == "timestamp" else "Bad Request"
        raise RefusalError(400, reason, f"'{value}' is not a number for {name}") from None


def balances(_exchange: Exchange, caller: Caller) -> list[View]:
    """`/v1/balances`."""
    return balances_view(caller.account)


def notional_volume(exchange: Exchange, caller: Caller) -> View:
    """`/v1/notionalvolume`: the fees in basis points."""
    now = exchange.clock.now()
    fees = caller.account.tier(now)
    rates: View = {}
    for channel in ("web", "api", "fix", "block"):
        rates[f"{channel}_maker_fee_bps"] = fees.maker
        rates[f"{channel}_taker_fee_bps"] = fees.taker
        rates[f"{channel}_auction_fee_bps"] = fees.maker
    return {
        **rates,
        "notional_30d_volume": float(caller.account.volume(now)),
        "last_updated_ms": now // 86_400_000 * 86_400_000,
        "date": datetime.fromtimestamp(now / 1000, UTC).strftime("%Y-%m-%d"),
        "notional_1d_volume": [],
    }


def heartbeat(_exchange: Exchange, _caller: Caller) -> View:
    """`/v1/heartbeat`; like every private call it keeps a heartbeat key's orders alive."""
    return {"result": "ok"}


CALLS: dict[str, Call] = {
    "/v1/order/new": Call(_TRADER, new_order),
    "/v1/order/cancel": Call(_TRADER, cancel),
    "/v1/order/cancel/session": Call(_TRADER, cancel_session),
    "/v1/order/cancel/all": Call(_TRADER, cancel_all),
    "/v1/order/status": Call(_READER, status),
    "/v1/orders": Call(_READER, orders),
    "/v1/orders/history": Call(_READER, history),
    "/v1/mytrades": Call(_READER, my_trades),
    "/v1/balances": Call(_ANYONE, balances),
    "/v1/notionalvolume": Call(_READER, notional_volume),
    "/v1/heartbeat": Call(_ANYONE, heartbeat),
}
