"""The format of orders, fills and balances in responses, from Gemini's reference and recordings."""

from typing import Any

from tradebot.domain.money import ZERO, short
from tradebot.emulator.accounts.account import AccountFill, ExchangeAccount, Ticket
from tradebot.emulator.instruments import ExchangeInstrument

View = dict[str, Any]


def average_price(ticket: Ticket, instrument: ExchangeInstrument) -> str:
    """Returns the average fill price; `0.00` before the first fill."""
    if ticket.executed == 0:
        return instrument.price_text(0)
    average = ticket.spent / instrument.amount(ticket.executed)
    return short(round(average, instrument.price_places + 8))


def options(ticket: Ticket) -> list[str]:
    """Returns the order's options as the client gave them."""
    return [ticket.order.behaviour] if ticket.order.behaviour else []


def order_type(ticket: Ticket) -> str:
    """Returns the venue's name of the order type."""
    return "exchange stop limit" if ticket.stop else "exchange limit"


def order_view(ticket: Ticket, instrument: ExchangeInstrument, *, trades: bool = False) -> View:
    """Formats an order for REST."""
    order = ticket.order
    view: View = {
        "order_id": str(order.id),
        "id": str(order.id),
        "symbol": ticket.symbol.lower(),
        "exchange": "gemini",
        "avg_execution_price": average_price(ticket, instrument),
        "side": order.side,
        "type": order_type(ticket),
        "timestamp": str(ticket.created // 1000),
        "timestampms": ticket.created,
        "is_live": ticket.is_live,
        "is_cancelled": ticket.cancelled,
        "is_hidden": False,
        "was_forced": False,
        "executed_amount": instrument.amount_text(ticket.executed),
        "options": options(ticket),
        "price": instrument.price_text(order.price),
        "original_amount": instrument.amount_text(order.amount),
        "remaining_amount": instrument.amount_text(ticket.remaining),
    }
    if ticket.client_order_id is not None:
        view["client_order_id"] = ticket.client_order_id
    if ticket.stop:
        view["stop_price"] = instrument.price_text(ticket.stop)
    if ticket.reason:
        view["reason"] = ticket.reason
    if trades:
        view["trades"] = [fill_view(fill, instrument) for fill in reversed(ticket.fills)]
    return view


def fill_view(fill: AccountFill, instrument: ExchangeInstrument) -> View:
    """Formats a fill for `/v1/mytrades`."""
    view: View = {
        "price": instrument.price_text(fill.price),
        "amount": instrument.amount_text(fill.amount),
        "timestamp": fill.ts // 1000,
        "timestampms": fill.ts,
        "type": "Buy" if fill.side == "buy" else "Sell",
        "aggressor": fill.liquidity == "Taker",
        "fee_currency": fill.fee_currency,
        "fee_amount": short(fill.fee),
        "tid": fill.tid,
        "order_id": str(fill.order_id),
        "exchange": "gemini",
        "is_auction_fill": False,
        "is_clearing_fill": False,
        "symbol": fill.symbol,
    }
    if fill.client_order_id is not None:
        view["client_order_id"] = fill.client_order_id
    return view


def balances_view(account: ExchangeAccount) -> list[View]:
    """Formats all holdings for `/v1/balances`."""
    views = []
    for currency in account.ledger.currencies():
        available = short(max(ZERO, account.ledger.available(currency)))
        views.append(
            {
                "type": "exchange",
                "currency": currency,
                "amount": short(account.ledger.amount(currency)),
                "available": available,
                "availableForWithdrawal": available,
            }
        )
    return views
