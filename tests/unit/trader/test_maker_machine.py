"""Maker orders under any order of events: crashes, lost responses, fills during a cancel."""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from msgspec.structs import replace
from soaks.machine import Desk
from soaks.orders import RULES, Soak
from soaks.trend import Trend
from venues.resting import Resting

from tradebot.domain.decision import Exits, Window
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


class Trading(Desk):
    """A trader whose signals wait as maker; the machine draws the faults and their times.

    The venue itself asserts that no order arrives while a maker order of the bot rests, nor while
    the ledger is in doubt.
    """

    unfilled: Unfilled = "Take"

    def __init__(self) -> None:
        making = replace(RULED.making or Making(), unfilled=self.unfilled)
        rules = replace(RULED, making=making)
        desk = Soak(seed=1, windows=0, kill_rate=0.0, rules=rules)
        self.trend = desk.forecasts = Trend()
        super().__init__(desk)

    def _pass(self, seconds: int) -> None:
        self.desk.venue.pass_time(seconds * 1000)
        self.desk.clock.observe(self.desk.venue.now)

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
        self.check_the_books()
        ledger, venue = self.desk.journaled.ledger, self.desk.venue
        assert not ledger.making(), "no order waits longer than its periods"
        assert not [order for order in venue.orders if order.live]
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
