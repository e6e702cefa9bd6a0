"""Timed faults of the exchange, and what each does."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

from tradebot.emulator.exchange import Exchange
from tradebot.emulator.faults.injector import Injector
from tradebot.emulator.faults.rules import (
    BalanceChange,
    ClockJump,
    Disconnect,
    Maintenance,
    NonceCollision,
    Occurrence,
    RateLimit,
    Silence,
    StaleBook,
    Where,
)
from tradebot.emulator.faults.state import FaultState
from tradebot.emulator.feeds import BalanceUpdate

Hang = Callable[[Where, bool], None]
"""Ends the sockets of an interface, with a clean close if true."""


class Occurrences:
    """Runs occurrences when they are due.

    Args:
        hang_up: ends sockets.
    """

    def __init__(
        self, exchange: Exchange, injector: Injector, state: FaultState, hang_up: Hang
    ) -> None:
        self._exchange = exchange
        self._injector = injector
        self._state = state
        self._hang_up = hang_up

    def advance(self) -> None:
        """Runs what is due."""
        for _, rule in self._injector.due():
            self._happen(rule)

    def _happen(self, rule: Occurrence) -> None:
        match rule:
            case Silence():
                self._state.begin_silence(rule.where, rule.seconds)
            case StaleBook():
                self._freeze(rule.seconds)
            case Maintenance():
                self._state.begin_maintenance(rule.seconds)
                self._hang_up("sockets", True)
            case RateLimit():
                self._state.begin_storm(rule.seconds)
            case Disconnect():
                self._hang_up(rule.where, rule.clean)
            case ClockJump():
                self._exchange.clock.jump(rule.ms)
            case BalanceChange():
                self._change_balance(rule)
            case NonceCollision():
                self._collide(rule)

    def _freeze(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        for market in self._exchange.markets.values():
            market.freeze()
            loop.call_later(seconds, market.thaw)

    def _change_balance(self, rule: BalanceChange) -> None:
        account = self._exchange.accounts.get(rule.account)
        if account is None:
            return
        account.ledger.add(rule.currency, rule.amount)
        now = self._exchange.clock.now()
        self._exchange.feeds.publish_balance(BalanceUpdate(account, [rule.currency], now))

    def _collide(self, rule: NonceCollision) -> None:
        key = self._exchange.keys.get(rule.key)
        if key is not None and key.nonce_rule == "counter":
            key.last_nonce += Decimal(rule.ahead)
