"""An order's state from events in any order: shuffled, duplicated, dropped, delayed."""

import random
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tradebot.domain.money import ZERO
from tradebot.domain.order_state import (
    Event,
    Fill,
    Filled,
    Order,
    Phase,
    Refused,
    Told,
    Unplaced,
    apply,
)

UNIT = Decimal("0.1")


def fresh(original: int = 10) -> Order:
    return Order(side="buy", price=Decimal(100), original=original * UNIT)


def filled(trade: int, units: int) -> Filled:
    fill = Fill(
        trade_id=trade,
        price=Decimal(100),
        amount=units * UNIT,
        fee=ZERO,
        fee_currency="USD",
        taker=True,
        ts=trade,
    )
    return Filled(order_id="1", fill=fill)


def told(units: int, *, closed: bool, order_id: str = "1", ts: int = 0) -> Told:
    return Told(
        order_id=order_id, executed=units * UNIT, average=Decimal(100), closed=closed, ts=ts
    )


def take_in(order: Order, events: list[Event]) -> Order:
    for event in events:
        order = apply(order, event)
    return order


@st.composite
def lives(draw: st.DrawFn) -> list[Event]:
    """Events that a venue may send of an order of ten units, in the order they happened."""
    events: list[Event] = []
    done = 0
    if draw(st.booleans()):
        events.append(told(0, closed=False))
    for trade in range(draw(st.integers(0, 4))):
        units = draw(st.integers(1, 10 - done)) if done < 10 else 0
        if units:
            done += units
            events.append(filled(trade, units))
            events.append(told(done, closed=done == 10))
    if draw(st.booleans()):
        events.append(told(done, closed=True))
    extra = draw(st.sampled_from(["", "refused", "unplaced"]))
    if extra == "refused" and not events:
        events.append(Refused(reason="InsufficientFunds"))
    if extra == "unplaced":
        events.insert(0, Unplaced(reason="not found"))
    return events


@given(events=lives(), seed=st.integers(0, 10**6), copies=st.integers(1, 3))
def test_any_order_and_any_repetition_give_the_same_state(
    events: list[Event], seed: int, copies: int
) -> None:
    shuffled = events * copies
    random.Random(seed).shuffle(shuffled)
    assert take_in(fresh(), shuffled) == take_in(fresh(), events)


def holds(order: Order) -> None:
    assert order.filled + order.remaining + order.cancelled == order.original
    assert min(order.filled, order.remaining, order.cancelled) >= 0


@given(events=lives(), keep=st.lists(st.booleans(), min_size=12, max_size=12))
def test_whatever_is_dropped_amounts_add_up_and_nothing_goes_backwards(
    events: list[Event], keep: list[bool]
) -> None:
    order = fresh()
    for event in (event for event, kept in zip(events, keep, strict=False) if kept):
        after = apply(order, event)
        holds(after)
        assert after.filled >= order.filled
        assert after.remaining <= order.remaining
        assert after.phase >= order.phase
        order = after


class VenueAndBooks(RuleBasedStateMachine):
    """A venue that works on an order, and a bot that gets its events late, twice or never."""

    @initialize(original=st.integers(1, 10))
    def begin(self, original: int) -> None:
        self.order = fresh(original)
        self.original = original
        self.done = 0
        self.trades = 0
        self.closed = False
        self.said: list[Event] = []
        self.phase = Phase.INTENDED
        self.known = ZERO

    @rule(units=st.integers(1, 10))
    def execute(self, units: int) -> None:
        """May follow an acknowledged cancel: a fill in flight."""
        units = min(units, self.original - self.done)
        if units:
            self.done += units
            self.trades += 1
            self.said.append(filled(self.trades, units))

    @rule()
    def describe(self) -> None:
        closed = self.closed or self.done == self.original
        self.said.append(told(self.done, closed=closed, ts=self.trades))

    @rule()
    def cancel(self) -> None:
        self.closed = True

    @rule()
    def look_up_and_find_nothing(self) -> None:
        if not self.said:
            self.said.append(Unplaced(reason="not found"))

    @rule(pick=st.integers(0, 10**6))
    def hear(self, pick: int) -> None:
        """Delivers any event so far, in any order; it may be delivered again."""
        if self.said:
            self.order = apply(self.order, self.said[pick % len(self.said)])

    @invariant()
    def amounts_add_up(self) -> None:
        if hasattr(self, "order"):
            holds(self.order)
            assert self.order.filled <= self.done * UNIT
            assert self.order.excess == 0

    @invariant()
    def nothing_goes_backwards(self) -> None:
        if hasattr(self, "order"):
            assert self.order.phase >= self.phase
            assert self.order.filled >= self.known
            self.phase, self.known = self.order.phase, self.order.filled

    def teardown(self) -> None:
        """After all events, the ledger agrees with the venue."""
        if not hasattr(self, "order"):
            return
        for event in self.said:
            self.order = apply(self.order, event)
        assert self.order.booked == self.done * UNIT


VenueAndBooks.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestVenueAndBooks = VenueAndBooks.TestCase


def test_an_order_without_events_is_unresolved_and_the_venue_overrides_a_conclusion() -> None:
    order = fresh()
    assert order.unresolved
    concluded = apply(order, Unplaced(reason="not found"))
    assert (concluded.phase, concluded.unresolved) == (Phase.UNPLACED, False)
    late = apply(concluded, told(3, closed=False))
    assert (late.phase, late.unresolved, late.filled) == (Phase.OPEN, True, 3 * UNIT)


def test_a_refused_order_is_over() -> None:
    order = apply(fresh(), Refused(reason="InsufficientFunds"))
    assert (order.phase, order.cancelled, order.filled) == (Phase.CLOSED, order.original, ZERO)


def test_a_fill_after_the_cancel_was_acknowledged_counts() -> None:
    order = take_in(fresh(), [told(0, closed=True), filled(1, 4)])
    assert (order.filled, order.cancelled, order.remaining) == (4 * UNIT, 6 * UNIT, ZERO)


def test_an_executed_amount_without_its_fills_is_not_booked_yet() -> None:
    order = apply(fresh(), told(10, closed=True))
    assert order.unbooked == 10 * UNIT
    assert apply(order, filled(1, 10)).unbooked == ZERO


def test_more_than_was_requested_is_seen_as_excess() -> None:
    order = take_in(fresh(), [filled(1, 10), filled(2, 5)])
    assert (order.filled, order.excess) == (order.original, 5 * UNIT)
