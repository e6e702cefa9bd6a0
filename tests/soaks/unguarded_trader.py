"""A trader with one of its guards removed, to show that a soak notices.

Called as `python unguarded_trader.py GUARD`, followed by the options of `tradebot trader`.
"""

import contextlib
import sys

import msgspec

from tradebot.cli import main
from tradebot.domain import order_state
from tradebot.domain.intent import Intent
from tradebot.domain.order_state import Filled, Order
from tradebot.records import Document
from tradebot.trader.journal import ledger
from tradebot.trader.journal.entries import Intended
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


GUARDS = {
    "journal-first": journal_after_sending,
    "look-up-first": send_again,
    "book-once": book_twice,
}

if __name__ == "__main__":
    GUARDS[sys.argv.pop(1)]()
    main(["trader", *sys.argv[1:]])
