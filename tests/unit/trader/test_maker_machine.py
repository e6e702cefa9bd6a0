"""Maker orders under any order of events: crashes, lost responses, fills during a cancel."""

import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace
from soaks.orders import RULES, Soak
from venues.faulty import KilledError
from venues.resting import Resting

from tradebot.domain.decision import Exits, Prediction, Window
from tradebot.domain.situation import Making, Unfilled

D = Decimal
RULED = replace(
    RULES, holdings="Own", exits=Exits(), making=Making(reprices=2, wait_ms=15_000), slippage_bps=90
)
FAULTS = (
    "never sent", "lost before", "lost after", "late", "rejected", "killed before",
    "killed after", "filled in cancel", "cut in cancel", "fill after cancel", "cancel lost",
    "killed in cancel", "no answer", "no way", "killed", "newest trade missing",
)  # fmt: skip


class Trend:
    """A forecast that a rule sets."""

    way = 0.01

    def at(self, ts: int) -> Prediction:
        return Prediction(
            model="m", digest="d", history_end=ts, evaluated=True, log_price=9.3,
            log_price_next=9.3 + self.way, log_price_turn=9.3 + self.way,
        )  # fmt: skip


class Trading(RuleBasedStateMachine):
    """A trader whose signals wait as maker; the machine draws the faults and their times.

    The venue itself asserts that no order arrives while a maker order of the bot rests, nor while
    the ledger is in doubt.
    """

    unfilled: Unfilled = "Take"

    def __init__(self) -> None:
        super().__init__()
        self.armed: list[str] = []
        self.runner = asyncio.Runner()
        making = replace(RULED.making or Making(), unfilled=self.unfilled)
        self.desk = Soak(seed=1, windows=0, kill_rate=0.0, rules=replace(RULED, making=making))
        self.trend = self.desk.forecasts = Trend()
        venue = self.desk.venue
        venue.base, venue._draw = D(0), self._draw  # type: ignore[method-assign]
        venue.dice.random = lambda: 0.0  # type: ignore[method-assign]
        self._do(self.desk._start())
        self._do(self.desk.engine.reconcile())

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

    def _pass(self, seconds: int) -> None:
        self.desk.venue.pass_time(seconds * 1000)
        self.desk.clock.observe(self.desk.venue.now)

    @rule()
    def crash(self) -> None:
        while True:
            try:
                self.runner.run(self.desk._restart())
            except KilledError:
                continue
            return

    @rule(fault=st.sampled_from(FAULTS))
    def something_will_go_wrong(self, fault: str) -> None:
        self.armed.append(fault)

    @rule(way=st.sampled_from([0.01, 0.01, -0.01, 0.0]))
    def a_window_comes(self, way: float) -> None:
        self.trend.way = way
        self._pass(10)
        window = Window(end=self.desk.venue.now, ratio=1.0, complete=True)
        self._do(self.desk.decider.on_window(window))

    @rule(move=st.sampled_from([-40, -1, 0, 1, 5, 20]), seconds=st.sampled_from([15, 15, 15, 40]))
    def the_market_moves_and_the_trader_looks(self, move: int, seconds: int) -> None:
        venue = self.desk.venue
        venue.bid = max(D(5000), (venue.bid * (10_000 + move) / 10_000).quantize(D("0.01")))
        self._pass(seconds)
        self._do(self.desk.selling.maker.look())

    @rule()
    def reconcile(self) -> None:
        self._do(self.desk._reconcile())

    @rule()
    def a_person_pauses_and_resumes(self) -> None:
        async def work() -> None:
            desk = self.desk
            await desk.acts.pause("because", "me")
            await desk.selling.maker.look()
            buys = [each for each in desk.journaled.ledger.making() if each.intent.side == "buy"]
            assert desk.engine.doubt or not buys, "a paused bot still buys"

        self._do(work())
        self._do(self.desk.acts.resume("because", "me"))

    @rule()
    def an_exit_sells(self) -> None:
        async def work() -> None:
            async with self.desk.engine.acting:
                await self.desk.selling.down("stop_loss", "exit")

        self._do(work())

    @invariant()
    def at_most_one_maker_order_rests(self) -> None:
        live = [each for each in self.desk.venue.orders if each.live and each.intent.maker]
        assert len(live) <= 1

    def teardown(self) -> None:
        self.armed.clear()
        self.trend.way = 0.0
        self._pass(100)  # what was late arrives
        for _ in range(4):
            self._pass(20)
            self.reconcile()
            self._pass(15)
            self._do(self.desk.selling.maker.look())
        self.reconcile()
        ledger, venue = self.desk.journaled.ledger, self.desk.venue
        assert not ledger.halted and not ledger.unresolved() and not self.desk.engine.doubt
        assert not ledger.making(), "no order waits longer than its periods"
        assert not [order for order in venue.orders if order.live]
        assert (ledger.base, ledger.quote) == (venue.base, venue.quote)
        assert not ledger.outside_base and not ledger.outside_trades, "all fills are its own"
        names = [order.intent.client_order_id for order in venue.orders]
        assert len(names) == len(set(names)), "one intent, one order"
        chains: dict[str, list[Resting]] = {}
        for order in venue.orders:
            if order.intent.decision_id != "exit":
                chains.setdefault(order.intent.decision_id, []).append(order)
        for orders in chains.values():
            assert len(orders) <= 4, "two moves, and the order that takes"
            assert sum(each.executed for each in orders) <= orders[0].intent.amount
        self.runner.close()


class Giving(Trading):
    """The same where the rest is given up: no order of a signal ever takes."""

    unfilled: Unfilled = "GiveUp"

    @invariant()
    def no_signal_takes(self) -> None:
        for order in self.desk.venue.orders:
            assert order.intent.maker is not None or order.intent.decision_id == "exit"


TestTaking = Trading.TestCase
TestTaking.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestGiving = Giving.TestCase
TestGiving.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
