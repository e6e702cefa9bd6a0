"""Traders that lack one guard each, and what a soak says of them.

A guard is switched off in the process that forks the traders (`line.nursery`), never in the code.
Where a guard works between two steps of one moment, the moment is stretched, as by a slow disk.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from confluent_kafka import Message

from tradebot.domain import order_state
from tradebot.domain.intent import Intent
from tradebot.domain.money import ZERO
from tradebot.domain.order_state import Filled, Order
from tradebot.domain.situation import Window
from tradebot.records import Document
from tradebot.trader.deciding import Decider
from tradebot.trader.inputs.streams import Stream
from tradebot.trader.journal import ledger
from tradebot.trader.journal.entries import Balanced, Body, Decided, Intended
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.loops import Loops
from tradebot.trader.orders.execution import Executor
from tradebot.venue.errors import VenueError

SLOW_SECONDS = 0.2


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
        zero = dict.fromkeys(("outside_base", "outside_quote", "traded_base", "traded_quote"), ZERO)
        blind = [
            msgspec.structs.replace(body, **zero) if isinstance(body, Balanced) else body
            for body in bodies
        ]
        await careful(self, *blind, **named)

    JournaledLedger.record = record  # type: ignore[method-assign]


def name_twice() -> None:
    """Gives the next order the name of the last."""
    careful = JournaledLedger.intent

    def intent(self: JournaledLedger, *arguments: Any, **named: Any) -> Intent:
        known = self.ledger
        self.ledger = msgspec.structs.replace(known, number=max(0, known.number - 1))
        try:
            return careful(self, *arguments, **named)
        finally:
            self.ledger = known

    JournaledLedger.intent = intent  # type: ignore[method-assign]


def publish_first() -> None:
    """Publishes a window's documents before its entry is written."""
    careful = JournaledLedger.record

    async def record(
        self: JournaledLedger, *bodies: Body, documents: tuple[Document, ...] = (), **named: Any
    ) -> None:
        if isinstance(bodies[0], Decided):
            self._publisher.send(documents)
            await self.flush()
            await asyncio.sleep(SLOW_SECONDS)
            documents = ()
        await careful(self, *bodies, documents=documents, **named)

    JournaledLedger.record = record  # type: ignore[method-assign]


def decide_twice() -> None:
    """Decides on a window again when its records are received again."""
    careful, commit = Decider._decide, Stream.commit

    async def decide(self: Decider, window: Window, suggestion: Any) -> Any:
        journaled = self._engine.journaled
        journaled.ledger = msgspec.structs.replace(journaled.ledger, window_end=0)
        return await careful(self, window, suggestion)

    async def late(self: Stream, messages: list[Message]) -> None:
        await asyncio.sleep(SLOW_SECONDS)
        await commit(self, messages)

    Decider._decide = decide  # type: ignore[method-assign]
    Stream.commit = late  # type: ignore[method-assign]


def commit_first() -> None:
    """Commits the records of a window before it is decided on."""
    careful = Loops._on_windows

    async def on_windows(self: Loops, messages: list[Message]) -> None:
        await self._windows.commit(messages)
        await asyncio.sleep(SLOW_SECONDS)
        await careful(self, messages)

    Loops._on_windows = on_windows  # type: ignore[method-assign]


class Guard(NamedTuple):
    """How a guard is switched off, and what the soak's check then says (a part of it)."""

    remove: Callable[[], None]
    noticed: str
    often: bool = False
    """Whether it shows at a kill alone: the trader is then killed often."""


GUARDS = {
    "journal-first": Guard(journal_after_sending, "no such intent"),
    "look-up-first": Guard(send_again, "more than one order for intent"),
    "book-once": Guard(book_twice, "the venue has more than one order|the ledger says"),
    "others-money": Guard(ignore_others_money, "taken for outside activity"),
    "name-once": Guard(name_twice, "two intents are called", often=True),
    "journal-documents": Guard(publish_first, "decided twice, differently", often=True),
    "window-once": Guard(decide_twice, "decided twice, differently", often=True),
    "commit-last": Guard(commit_first, "windows without a decision", often=True),
}
