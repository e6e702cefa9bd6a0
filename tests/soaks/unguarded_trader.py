"""Traders that lack one guard each, and what a soak says of them.

A guard is switched off in the process that forks the traders (`line.nursery`), never in the code.
"""

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from tradebot.domain import order_state
from tradebot.domain.intent import Intent
from tradebot.domain.order_state import Filled, Order
from tradebot.records import Document
from tradebot.trader.journal import ledger
from tradebot.trader.journal.entries import Balanced, Body, Intended
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.orders.execution import Executor
from tradebot.venue.errors import VenueError


def journal_after_sending() -> None:
    """Writes an intent after the venue has responded, not before."""

    async def execute(self: Executor, intent: Intent, documents: tuple[Document, ...] = ()) -> bool:
        status = None
        with contextlib.suppress(VenueError):
            status = await self._account.place(intent)
        if status is None:
            return True
        await self._journaled.record(Intended(intent=intent), documents=documents)
        await self.take_in(intent, [status])
        return True

    Executor.execute = execute  # type: ignore[method-assign]


def send_again() -> None:
    """Sends an order with a lost response again instead of looking it up."""
    careful = Executor.execute

    async def execute(self: Executor, intent: Intent, documents: tuple[Document, ...] = ()) -> bool:
        if await careful(self, intent, documents):
            return True
        with contextlib.suppress(VenueError):
            await self._account.place(intent)
        return False

    Executor.execute = execute  # type: ignore[method-assign]


def book_twice() -> None:
    """Books a fill again when it is received again."""
    careful = order_state.apply

    def apply(order: Order, event: order_state.Event) -> Order:
        after = careful(order, event)
        if isinstance(event, Filled) and after == order:
            return msgspec.structs.replace(order, fills=(*order.fills, event.fill))
        return after

    ledger.apply_event = apply  # type: ignore[attr-defined]


def ignore_others_money() -> None:
    """Takes the venue's balances without asking what moved them."""
    careful = JournaledLedger.record

    async def record(self: JournaledLedger, *bodies: Body, **named: Any) -> None:
        zero = dict.fromkeys(
            ("outside_base", "outside_quote", "traded_base", "traded_quote"), ledger.ZERO
        )
        blind = [
            msgspec.structs.replace(body, **zero) if isinstance(body, Balanced) else body
            for body in bodies
        ]
        await careful(self, *blind, **named)

    JournaledLedger.record = record  # type: ignore[method-assign]


class Guard(NamedTuple):
    """How a guard is switched off, and what the soak's check then says (a part of it)."""

    remove: Callable[[], None]
    noticed: str


GUARDS = {
    "journal-first": Guard(journal_after_sending, "no such intent"),
    "look-up-first": Guard(send_again, "more than one order for intent"),
    "book-once": Guard(book_twice, "the venue has more than one order|the ledger says"),
    "others-money": Guard(ignore_others_money, "taken for outside activity"),
}
