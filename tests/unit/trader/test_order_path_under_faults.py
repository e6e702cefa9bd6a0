"""The order path against a venue that loses responses and a machine that kills the process.

Short and deterministic; TRADEBOT_SOAK_SEEDS runs more seeds. The guards that keep the ledger
correct are removed one by one, to show that the checks would notice.
"""

import contextlib
import os
from collections import Counter

import msgspec
import pytest
from soaks.orders import RULES, STOPS, Soak

from tradebot.domain import intent as intents
from tradebot.domain import order_state
from tradebot.domain.intent import Intent
from tradebot.domain.order_state import Filled, Order, Unplaced
from tradebot.records import Document
from tradebot.trader import engine
from tradebot.trader.journal import journaled, ledger
from tradebot.trader.journal.entries import Intended
from tradebot.trader.orders.execution import Executor
from tradebot.venue.errors import VenueError

SEEDS = int(os.environ.get("TRADEBOT_SOAK_SEEDS", "4"))


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
async def test_whatever_is_lost_or_killed_the_books_end_equal_to_the_venue(seed: int) -> None:
    soak = Soak(seed, windows=250)
    await soak.run()
    assert soak.orders > 50, "the run must have traded"
    assert soak.faults > 100, "the run must have gone wrong often"
    assert soak.kills > 20, "the process must have died often"
    assert soak.names_are_ours()
    assert soak.journal.snapshots > 5, "the journal must have been compacted often"


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
async def test_a_stop_at_the_venue_is_never_doubled_nor_left_for_what_is_sold(seed: int) -> None:
    soak = Soak(seed, windows=250, rules=STOPS)
    await soak.run()
    placed = [order for order in soak.venue.orders if order.intent.stop is not None]
    assert len(placed) > 20, "stops must have rested often"
    assert any(order.trades for order in placed), "a stop must have filled"
    assert soak.kills > 20
    async with soak.engine.acting:
        await soak.selling.resting.keep()
    assert not soak.engine.doubt
    position = soak.engine.state().position
    for stop in soak.stops():
        assert position is not None and stop.left == position.amount


async def test_the_runs_meet_every_fault_that_the_venue_knows() -> None:
    met: Counter[str] = Counter()
    for seed in range(1, 9):
        soak = Soak(seed, windows=150, rules=STOPS if seed % 2 else RULES)
        await soak.run()
        met += soak.venue.faults
    known = {
        "never sent", "lost before", "lost after", "late", "rejected", "live", "late fill",
        "killed before", "killed after", "cut short", "no answer", "no way", "killed",
        "fill after cancel", "filled in cancel", "cut in cancel", "cancel lost",
            "killed in cancel",
        "trades shuffled", "trade twice", "newest trade missing", "outside",
    }  # fmt: skip
    assert set(met) == known


async def _fails(windows: int = 250) -> str:
    """Returns the checks' findings over some seeds; "" if there are none."""
    for seed in range(1, 9):
        try:
            await Soak(seed, windows=windows).run()
        except AssertionError as error:
            return str(error) or repr(error)
    return ""


async def test_sending_before_journalling_leaves_orders_without_an_intent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def send_first(
        self: Executor, intent: Intent, documents: tuple[Document, ...] = ()
    ) -> bool:
        found = []
        with contextlib.suppress(VenueError):
            found = [await self._account.place(intent)]
        await self._journaled.record(Intended(intent=intent), documents=documents)
        await self.take_in(intent, found)
        return bool(found)

    monkeypatch.setattr(Executor, "execute", send_first)
    assert await _fails()


async def test_taking_unknown_for_failed_trades_on_wrong_books(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    careful = Executor.execute

    async def careless(
        self: Executor, intent: Intent, documents: tuple[Document, ...] = ()
    ) -> bool:
        if not await careful(self, intent, documents):
            await self._learn(intent, Unplaced(reason="no answer, so it failed"))
        return True

    monkeypatch.setattr(Executor, "execute", careless)
    assert "not known" in await _fails()


async def test_trading_before_reconciling_trades_on_wrong_books(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    careful = engine.Engine.state

    def careless(self: engine.Engine) -> object:
        return msgspec.structs.replace(careful(self), reconciled=True, unresolved=0)

    monkeypatch.setattr(engine.Engine, "state", careless)
    assert await _fails(windows=60)


async def test_booking_a_fill_twice_parts_the_books_from_the_venue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    careful = order_state.apply

    def careless(order: Order, event: order_state.Event) -> Order:
        if isinstance(event, Filled):
            shown = {"fills": (*order.fills, event.fill)}
            return msgspec.structs.replace(careful(order, event), **shown)
        return careful(order, event)

    monkeypatch.setattr(ledger, "apply_event", careless)
    assert await _fails(windows=25)


async def test_restarting_the_count_of_intents_makes_two_orders_of_one_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        journaled,
        "OrderName",
        lambda bot, _epoch, number: intents.OrderName(bot, 1, number % 7),
    )
    assert await _fails()


async def test_forgetting_undelivered_documents_loses_fills(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    careful = journaled.JournaledLedger.open

    def careless(self: journaled.JournaledLedger) -> int:
        publisher, self._publisher = self._publisher, _Nowhere()
        number = careful(self)
        self._publisher = publisher
        return number

    monkeypatch.setattr(journaled.JournaledLedger, "open", careless)
    assert "without a document" in await _fails()


class _Nowhere:
    def send(self, documents: tuple[Document, ...], number: int = 0) -> None:
        """Loses them."""

    def delivered(self, last: int) -> int:
        return last

    async def flush(self) -> None:
        """Does nothing."""
