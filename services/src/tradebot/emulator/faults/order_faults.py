"""Faults of orders: late fills, and partial fills that are not reported."""

import asyncio
from collections.abc import Callable

from tradebot.emulator.exchange import Exchange
from tradebot.emulator.faults.injector import Injector
from tradebot.emulator.faults.rules import FillAfterCancel, PartialThenSilence
from tradebot.emulator.faults.state import FaultState
from tradebot.emulator.feeds import OrderUpdate

_CANCELS = ("Requested", "ImmediateOrCancelWouldPost")
"""Cancel reasons: by the owner, and the rest of an immediate-or-cancel order."""

_SOON = 0.2
"""Seconds until a resting order is partly filled."""


class OrderFaults:
    """Listens to orders after all others, so that it only alters what follows."""

    def __init__(self, exchange: Exchange, injector: Injector, state: FaultState) -> None:
        self._exchange = exchange
        self._injector = injector
        self._state = state
        self._partial: dict[int, PartialThenSilence] = {}
        exchange.feeds.orders.append(self._on_order)

    def _on_order(self, update: OrderUpdate) -> None:
        if self._injector.idle() and not self._partial:
            return
        if update.type == "accepted":
            self._accepted(update)
        elif update.type == "booked" and self._fills_partly(update):
            amount = self._share_of(update)
            _later(_SOON, lambda: self._fill(update, amount))
        elif update.type == "fill":
            self._filled(update)
        elif update.type == "cancelled" and update.reason in _CANCELS:
            self._cancelled(update)

    def _accepted(self, update: OrderUpdate) -> None:
        subject = f"{update.ticket.symbol} {update.ticket.client_order_id}"
        strike = self._injector.strike(PartialThenSilence, "any", subject)
        if strike is None:
            return
        order = update.ticket.order
        self._partial[order.id] = strike[0]
        self._state.lose_answer()
        if order.stop:
            return
        market = self._exchange.markets[update.ticket.symbol]
        thinned = market.engine.thin(order, self._share_of(update))
        market.digest(self._exchange.clock.market(), thinned)

    def _fills_partly(self, update: OrderUpdate) -> bool:
        """Whether the fault strikes now; a stop fills no sooner than its price is reached."""
        order = update.ticket.order
        return order.id in self._partial and not order.stop

    def _share_of(self, update: OrderUpdate) -> int:
        order = update.ticket.order
        return max(1, int(order.amount * self._partial[order.id].share))

    def _filled(self, update: OrderUpdate) -> None:
        rule = self._partial.pop(update.ticket.order.id, None)
        if rule is not None:
            self._state.mute(update.ticket.order.id, rule.seconds)

    def _cancelled(self, update: OrderUpdate) -> None:
        subject = f"{update.ticket.symbol} {update.ticket.client_order_id}"
        strike = self._injector.strike(FillAfterCancel, "any", subject)
        if strike is None or update.ticket.remaining == 0:
            return
        amount = max(1, int(update.ticket.remaining * strike[0].share))
        _later(strike[0].seconds, lambda: self._fill(update, amount))

    def _fill(self, update: OrderUpdate, amount: int) -> None:
        amount = min(amount, update.ticket.remaining)
        if amount > 0:
            market = self._exchange.markets[update.ticket.symbol]
            self._exchange.desk.force_fill(market, update.ticket, amount)


def _later(seconds: float, work: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, work)
