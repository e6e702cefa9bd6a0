"""A trader's day that is killed at one step, and what was published of it.

A step lies before and after each write to the journal, each document and each order. What was under
way is done again by a new process, in a market that has moved meanwhile.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
from soaks.contents import assert_one_content_for_each_id
from soaks.orders import RULES, Soak
from soaks.trend import Trend
from venues.faulty import KilledError, MemoryJournal, MemoryPublisher

from tradebot.domain.decision import Exits, Window
from tradebot.domain.exits.pricing import Level
from tradebot.domain.intent import Intent
from tradebot.records import Document
from tradebot.trader.journal.entries import Entry
from tradebot.trader.journal.store import decode
from tradebot.venue.port import OrderStatus

D = Decimal
DAY_RULES: Final = msgspec.structs.replace(
    RULES,
    holdings="Own",
    max_drawdown=D("0.2"),
    exits=Exits(stop_loss=D("0.02"), max_slippage_bps=300),
)


class Steps:
    """Counts steps, and kills the process at one of them."""

    def __init__(self, kill_at: int) -> None:
        self.kill_at = kill_at
        self.taken = 0

    def take(self) -> None:
        self.taken += 1
        if self.taken == self.kill_at:
            raise KilledError


class SteppedJournal(MemoryJournal):
    """Each write has a step before it and one after it."""

    def __init__(self, steps: Steps) -> None:
        super().__init__(random.Random(1))
        self._steps = steps

    async def append(self, *entries: Entry) -> None:
        self._steps.take()
        await super().append(*entries)
        self._steps.take()


class SteppedPublisher(MemoryPublisher):
    """Each document has a step before it and one after it, each flush too.

    Args:
        eager: whether documents arrive when they are sent; otherwise a flush delivers them.
    """

    def __init__(self, steps: Steps, *, eager: bool) -> None:
        super().__init__(random.Random(1))
        self._steps, self._eager = steps, eager

    def send(self, documents: Sequence[Document], number: int = 0) -> None:
        self._steps.take()
        for document in documents:
            self.waiting.append((number, document))
            if self._eager:
                self._deliver()
            self._steps.take()

    async def flush(self) -> None:
        self._steps.take()
        self._deliver()
        self._steps.take()


class Day:
    """A hold, a buy, an exit without bids, its sale, foreign money, a pause, an exit and a halt."""

    def __init__(self, kill_at: int, *, eager: bool) -> None:
        self.steps = Steps(kill_at)
        self.desk = Soak(seed=6, windows=0, kill_rate=0.0, rules=DAY_RULES)
        self.desk.journal = SteppedJournal(self.steps)
        self.desk.publisher = SteppedPublisher(self.steps, eager=eager)
        self.desk.forecasts = Trend()
        venue = self.desk.venue
        venue.rate, venue.base = 0.0, D(0)
        self._place, self._bids = venue.place, venue.bids
        venue.place = self._stepped_place  # type: ignore[method-assign]
        venue.bids = self._bids_of_the_hour  # type: ignore[method-assign]
        self.there_are_bids = True

    async def _stepped_place(self, intent: Intent) -> OrderStatus:
        self.steps.take()
        status = await self._place(intent)
        self.steps.take()
        return status

    async def _bids_of_the_hour(self) -> list[Level]:
        return await self._bids() if self.there_are_bids else []

    async def run(self) -> None:
        await self._begin()
        desk = self.desk
        await self._act(desk.engine.reconcile)
        await self._window(complete=False)
        await self._window()
        desk.venue.bid -= 600
        self.there_are_bids = False
        await self._window()
        self.there_are_bids = True
        await self._window()
        desk.venue.meddle()
        await self._act(lambda: self.desk.engine.reconcile())
        await self._window()
        await self._act(lambda: self.desk.acts.pause("to look", "somebody"))
        desk.venue.bid -= 600
        await self._act(lambda: self.desk.watch.look())
        await self._act(lambda: self.desk.acts.resume("looked", "somebody"))
        await self._act(lambda: self.desk.engine.halt("it is late"))
        await self._act(lambda: self.desk.journaled.flush())

    async def _begin(self) -> None:
        try:
            await self.desk._start()
        except KilledError:
            await self._restart()

    async def _window(self, *, complete: bool = True) -> None:
        self.desk.venue.pass_time(60_000)
        window = Window(end=self.desk.venue.now, ratio=1.0, complete=complete)
        await self._act(lambda: self.desk.decider.on_window(window))

    async def _act(self, act: Callable[[], Awaitable[Any]]) -> None:
        self.desk.clock.observe(self.desk.venue.now)
        try:
            await act()
        except KilledError:
            await self._restart()
            await act()

    async def _restart(self) -> None:
        """A new process, some seconds and a little price later."""
        self.desk.venue.pass_time(7_000)
        await self.desk._restart()
        await self.desk.engine.reconcile()

    # What must hold.

    def check(self) -> None:
        """Whatever was published is what the journal carries, and one content for each id."""
        carried = [
            document
            for line in (*self.desk.journal.forgotten, *self.desk.journal.lines)
            for document in decode(line).documents
        ]
        published = self.desk.publisher.delivered_documents
        written = {msgspec.json.encode(document) for document in carried}
        for document in published:
            assert msgspec.json.encode(document) in written, (
                f"published, but in no entry: {document.doc_type} {document.body}"
            )
        for document in carried:
            assert document in published, f"never published: {document.doc_type} {document.body}"
        assert_one_content_for_each_id(published)
        newest = {document.id: document for document in carried}
        assert {document.id: document for document in published} == newest
