"""Handles accounts' orders: checks, reservations, fills, and an update for each step."""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from tradebot.domain.money import ZERO, Side
from tradebot.emulator.accounts.account import AccountFill, ExchangeAccount, Ticket
from tradebot.emulator.accounts.fees import Liquidity
from tradebot.emulator.accounts.ledger import InsufficientFundsError
from tradebot.emulator.book_market import BookMarket
from tradebot.emulator.clock import ExchangeClock
from tradebot.emulator.feeds import BalanceUpdate, Feeds, OrderEventType, OrderUpdate
from tradebot.emulator.instruments import ExchangeInstrument
from tradebot.emulator.matching.orders import (
    MARKET,
    Behaviour,
    Booked,
    Cancelled,
    ExchangeOrder,
    Trade,
)
from tradebot.emulator.refusals import insufficient_funds


class OrderRequest(msgspec.Struct, frozen=True):
    """A client's order after validation; price and amount are in steps."""

    market: BookMarket
    side: Side
    price: int
    amount: int
    behaviour: Behaviour
    stop: int
    client_order_id: str | None
    session: str


class Desk:
    """Keeps the orders of all accounts.

    Args:
        ids: returns a new id of an order or event.
    """

    def __init__(
        self,
        *,
        clock: ExchangeClock,
        feeds: Feeds,
        ids: Callable[[], int],
    ) -> None:
        self._clock = clock
        self._feeds = feeds
        self._ids = ids
        self._tickets: dict[int, tuple[ExchangeAccount, Ticket]] = {}

    def ticket(self, account: ExchangeAccount, order_id: int) -> Ticket | None:
        """Returns the account's order of that id, live or not."""
        owner, ticket = self._tickets.get(order_id, (None, None))
        return ticket if owner is account else None

    def by_client_order_id(self, account: ExchangeAccount, name: str) -> list[Ticket]:
        """Returns the account's orders of that client order id, newest first."""
        found = [
            ticket
            for owner, ticket in self._tickets.values()
            if owner is account and ticket.client_order_id == name
        ]
        return found[::-1]

    def place(self, account: ExchangeAccount, request: OrderRequest) -> Ticket:
        """Submits an order to the book; returns it as it is after that.

        Raises:
            RefusalError: the account has too little.
        """
        ts = self._clock.market()
        instrument = request.market.instrument
        ticket = self._new_ticket(account, request)
        order = ticket.order
        try:
            account.ledger.reserve(order.id, *_reservation(ticket, instrument))
        except InsufficientFundsError:
            refusal = insufficient_funds(
                instrument.symbol,
                instrument.base,
                request.side,
                instrument.price_text(request.price),
                instrument.amount_text(request.amount),
            )
            order.live = False
            self._publish("rejected", account, ticket, instrument, reason=refusal.reason)
            raise refusal from None
        self._tickets[order.id] = (account, ticket)
        account.live[order.id] = ticket
        self._publish("accepted", account, ticket, instrument)
        self._publish_balance(account, instrument)
        request.market.digest(ts, request.market.engine.submit(order))
        return ticket

    def restore(self, account: ExchangeAccount, market: BookMarket, ticket: Ticket) -> None:
        """Restores an order of an earlier run; a live one re-enters the book."""
        self._tickets[ticket.order.id] = (account, ticket)
        if ticket.closed_at:
            account.closed.append(ticket)
            return
        account.live[ticket.order.id] = ticket
        market.digest(self._clock.market(), market.engine.submit(ticket.order))

    def cancel(
        self, account: ExchangeAccount, market: BookMarket, ticket: Ticket, reason: str
    ) -> None:
        """Cancels a live order; does nothing to any other."""
        events = market.engine.cancel(ticket.order, reason)
        market.digest(self._clock.market(), events)
        if not events:
            self._publish("cancel_rejected", account, ticket, market.instrument, reason="NotLive")

    def force_fill(self, market: BookMarket, ticket: Ticket, amount: int) -> None:
        """Fills an order at its price without a counterparty, even if it was cancelled."""
        order = ticket.order
        side: Side = "sell" if order.side == "buy" else "buy"
        nobody = ExchangeOrder(self._ids(), MARKET, side, order.price, amount, 0, live=False)
        changes = market.engine.reduce(order, amount)
        trade = Trade(order, nobody, order.price, amount)
        market.digest(self._clock.market(), [trade, *changes])

    def _new_ticket(self, account: ExchangeAccount, request: OrderRequest) -> Ticket:
        now = self._clock.now()
        order = ExchangeOrder(
            id=self._ids(),
            owner=account.number,
            side=request.side,
            price=request.price,
            amount=request.amount,
            remaining=request.amount,
            behaviour=request.behaviour,
            stop=request.stop,
        )
        return Ticket(
            order=order,
            symbol=request.market.instrument.symbol,
            session=request.session,
            client_order_id=request.client_order_id,
            created=now,
            stop=request.stop,
            fees=account.tier(now),
        )

    def on_owned(
        self, market: BookMarket, ts: int, event: Trade | Booked | Cancelled, tid: int
    ) -> None:
        """Records what the engine did with an account's order."""
        if isinstance(event, Trade):
            for order, liquidity in ((event.maker, "Maker"), (event.taker, "Taker")):
                if order.owner != MARKET:
                    self._fill(market.instrument, ts, order, event, tid, liquidity)  # type: ignore[arg-type]
            return
        account, ticket = self._tickets[event.order.id]
        if isinstance(event, Booked):
            self._publish("booked", account, ticket, market.instrument)
            return
        ticket.cancelled = True
        ticket.reason = event.reason
        account.ledger.lower(event.order.id, ZERO)
        self._publish("cancelled", account, ticket, market.instrument, reason=event.reason)
        self._close(account, ticket, market.instrument)
        self._publish_balance(account, market.instrument)

    def _fill(
        self,
        instrument: ExchangeInstrument,
        ts: int,
        order: ExchangeOrder,
        trade: Trade,
        tid: int,
        liquidity: Liquidity,
    ) -> None:
        account, ticket = self._tickets[order.id]
        value = instrument.value(trade.price, trade.amount)
        fee = value * ticket.fees.rate(liquidity)
        fill = AccountFill(
            tid=tid,
            ts=self._clock.stamp(ts),
            symbol=instrument.symbol,
            side=order.side,
            price=trade.price,
            amount=trade.amount,
            value=value,
            fee=fee,
            fee_currency=instrument.quote,
            liquidity=liquidity,
            order_id=order.id,
            client_order_id=ticket.client_order_id,
        )
        ticket.fills.append(fill)
        ticket.executed += trade.amount
        ticket.spent += value
        account.fills.append(fill)
        amount = instrument.amount(trade.amount)
        sign = 1 if order.side == "buy" else -1
        account.ledger.add(instrument.base, sign * amount)
        account.ledger.add(instrument.quote, -sign * value - fee)
        account.ledger.lower(order.id, _reservation(ticket, instrument)[1])
        self._publish("fill", account, ticket, instrument, fill=fill)
        if ticket.remaining == 0 and not ticket.closed_at:
            account.ledger.lower(order.id, ZERO)
            self._close(account, ticket, instrument)
        self._publish_balance(account, instrument)

    def _close(
        self, account: ExchangeAccount, ticket: Ticket, instrument: ExchangeInstrument
    ) -> None:
        ticket.order.live = False
        ticket.closed_at = self._clock.now()
        account.live.pop(ticket.order.id, None)
        account.closed.append(ticket)
        self._publish("closed", account, ticket, instrument)

    def _publish(
        self,
        kind: OrderEventType,
        account: ExchangeAccount,
        ticket: Ticket,
        instrument: ExchangeInstrument,
        *,
        fill: AccountFill | None = None,
        reason: str = "",
    ) -> None:
        update = OrderUpdate(
            kind, account, ticket, instrument, self._clock.now(), self._ids(), fill, reason
        )
        self._feeds.publish_order(update)

    def _publish_balance(self, account: ExchangeAccount, instrument: ExchangeInstrument) -> None:
        currencies = [instrument.quote, instrument.base]
        self._feeds.publish_balance(BalanceUpdate(account, currencies, self._clock.now()))


def _reservation(ticket: Ticket, instrument: ExchangeInstrument) -> tuple[str, Decimal]:
    """Returns what the rest of an order may need: its amount, or its value and taker fee."""
    order, left = ticket.order, ticket.remaining
    if order.side == "sell":
        return instrument.base, instrument.amount(left)
    value = instrument.value(order.price, left)
    return instrument.quote, value * (1 + ticket.fees.rate("Taker"))
