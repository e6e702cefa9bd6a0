"""The resting stop under any order of events: crashes, lost responses, fills during a cancel."""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from soaks.machine import Desk
from soaks.orders import STOPS, Soak

from tradebot.domain.money import floor_to

D = Decimal
STEP = D("0.00000001")
FAULTS = (
    "never sent", "lost before", "lost after", "late", "rejected", "killed before",
    "killed after", "filled in cancel", "cut in cancel", "cancel lost", "killed in cancel",
    "no answer", "no way", "killed", "newest trade missing",
)  # fmt: skip


class Trading(Desk):
    """A trader with a stop at the venue; the machine draws the faults and their times."""

    def __init__(self) -> None:
        super().__init__(Soak(seed=1, windows=0, kill_rate=0.0, rules=STOPS))

    @rule(fault=st.sampled_from(FAULTS))
    def something_will_go_wrong(self, fault: str) -> None:
        self.armed.append(fault)

    @rule(amount=st.integers(1, 5))
    def buy(self, amount: int) -> None:
        async def work() -> None:
            engine = self.desk.engine
            async with engine.acting:
                if engine.doubt:
                    return
                intent = engine.journaled.intent(
                    "buy", D(amount) / 10, engine.mid * 2, mid=engine.mid, window_end=0, name="buy",
                    minimum=D(0),
                )  # fmt: skip
                await engine.execute(intent)
                await self.desk.selling.resting.keep()

        self._do(work())

    @rule(percent=st.integers(10, 100))
    def sell(self, percent: int) -> None:
        """Sells as on a signal: cancels the stop first, and then computes the amount."""

        async def work() -> None:
            desk, engine = self.desk, self.desk.engine
            async with engine.acting:
                if engine.doubt or not await desk.selling.resting.lift():
                    return
                amount = floor_to(desk.selling.sellable() * percent / 100, STEP)
                if not amount:
                    return
                intent = engine.journaled.intent(
                    "sell", amount, D(1), mid=engine.mid, window_end=0, name="sell",
                    minimum=D(0), reduces=True,
                )  # fmt: skip
                await engine.execute(intent)
                await desk.selling.resting.keep()

        self._do(work())

    @rule(move=st.integers(-80, 60))
    def the_market_moves(self, move: int) -> None:
        venue = self.desk.venue
        venue.bid = max(D(5000), (venue.bid * (10_000 + move) / 10_000).quantize(D("0.01")))
        venue.trigger_stops()

    @rule()
    def look(self) -> None:
        self.desk.venue.now += 5_000
        self.desk.clock.observe(self.desk.venue.now)
        self._do(self.desk.watch.look())

    @rule()
    def leave(self) -> None:
        async def work() -> None:
            async with self.desk.engine.acting:
                await self.desk.selling.down("stop_loss", "exit")

        self._do(work())

    @invariant()
    def nothing_is_for_sale_twice(self) -> None:
        assert self.desk.venue.reserved() <= self.desk.venue.base

    def teardown(self) -> None:
        self.armed.clear()
        desk = self.desk
        for _ in range(3):
            desk.venue.now += 10_000
            self.reconcile()
            self.look()
        self.reconcile()
        self.check_the_books()
        position, stops = desk.engine.state().position, desk.stops()
        assert len(stops) <= 1
        for stop in stops:
            assert position is not None and stop.left == position.amount
        if position is not None and not stops:
            stop_price = position.entry * (1 - (STOPS.exits.stop_loss or D(0)))
            assert desk.engine.mid <= stop_price + D("0.01"), "a position without its stop"
        self.runner.close()


TestTrading = Trading.TestCase
TestTrading.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
