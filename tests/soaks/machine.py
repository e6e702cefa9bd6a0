"""A trader and its venue for a state machine, which draws the faults and their times."""

import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine, rule
from soaks.orders import Soak
from venues.faulty import KilledError


class Desk(RuleBasedStateMachine):
    """The trader may be killed at any time; faults that are armed happen as soon as they can."""

    def __init__(self, desk: Soak) -> None:
        super().__init__()
        self.armed: list[str] = []
        self.runner = asyncio.Runner()
        self.desk = desk
        venue = desk.venue
        venue.base, venue._draw = Decimal(0), self._draw  # type: ignore[method-assign]
        venue.dice.random = lambda: 0.0  # type: ignore[method-assign]
        self._do(desk._start())
        self._do(desk.engine.reconcile())

    def _draw(self, *names: str) -> str:
        """Returns the first armed fault that can happen here."""
        found = next((name for name in self.armed if name in names), "")
        if found:
            self.armed.remove(found)
            self.desk.venue.faults[found] += 1
        return found

    def _do(self, work: Coroutine[Any, Any, Any]) -> None:
        """Runs it; a process that is killed meanwhile restarts."""
        try:
            self.runner.run(work)
        except KilledError:
            self.crash()

    @rule()
    def crash(self) -> None:
        while True:
            try:
                self.runner.run(self.desk._restart())
            except KilledError:
                continue
            return

    @rule()
    def reconcile(self) -> None:
        self._do(self.desk._reconcile())

    def check_the_books(self) -> None:
        """Asserts that ledger and venue agree, and that each intent had one order."""
        ledger, venue = self.desk.journaled.ledger, self.desk.venue
        assert not ledger.halted and not ledger.unresolved() and not self.desk.engine.doubt
        assert (ledger.base, ledger.quote) == (venue.base, venue.quote)
        assert not ledger.outside_base and not ledger.outside_trades, "all fills are its own"
        names = [order.intent.client_order_id for order in venue.orders]
        assert len(names) == len(set(names)), "one intent, one order"
