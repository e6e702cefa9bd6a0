"""Maker orders of a trader: rest at the touch, follow it, then are taken or given up."""

from decimal import Decimal

import pytest
from msgspec.structs import replace
from soaks.floor import at_a_quiet_venue
from soaks.orders import Soak
from soaks.trend import Trend
from venues.resting import Resting

from tradebot.domain.decision import Exits, Quote, Window
from tradebot.domain.making import Resting as Order
from tradebot.domain.making import Terms, next_step, touch_price
from tradebot.domain.situation import Making, Unfilled
from tradebot.trader.journal.entries import Decided

D = Decimal
STEP = D("0.01")
MAKING = Making(reprices=2, wait_ms=15_000, unfilled="Take")
UP, DOWN = 0.01, -0.01


# The pure rule.


def order(side: str = "buy", price: str = "100.00", created: int = 0, rests: bool = True) -> Order:
    limit = D("101") if side == "buy" else D("99")
    return Order(
        side="buy" if side == "buy" else "sell",
        price=D(price),
        created=created,
        rests=rests,
        terms=Terms(started=0, limit=limit),
    )


def step_at(now: int, resting: Order, bid: str = "100.00", making: Making = MAKING) -> str:
    quote = Quote(bid=D(bid), ask=D(bid) + D("0.02"))
    return next_step(resting, quote, now, making, STEP)


def test_a_buy_rests_at_the_bid_and_a_sell_at_the_ask_never_worse_than_the_limit() -> None:
    quote = Quote(bid=D("100.004"), ask=D("100.016"))
    assert touch_price("buy", quote, D(101), STEP) == D("100.00")
    assert touch_price("sell", quote, D(99), STEP) == D("100.02")
    assert touch_price("buy", quote, D("99.5"), STEP) == D("99.50")
    assert touch_price("sell", quote, D("100.5"), STEP) == D("100.50")


def test_an_order_waits_to_the_end_of_its_period_though_the_touch_moves() -> None:
    assert step_at(14_999, order(), bid="100.50") == "wait"


def test_it_follows_a_touch_that_moved_away_and_only_that() -> None:
    assert step_at(15_000, order(), bid="100.01") == "reprice"
    assert step_at(15_000, order()) == "wait"
    assert step_at(15_000, order("sell", "100.02")) == "wait"
    assert step_at(15_000, order("sell", "100.02"), bid="99.90") == "reprice"


def test_an_order_that_would_have_taken_is_priced_again_in_the_next_period() -> None:
    assert step_at(14_999, order(rests=False)) == "wait"
    assert step_at(15_000, order(rests=False)) == "reprice"


@pytest.mark.parametrize(("unfilled", "last"), [("Take", "take"), ("GiveUp", "give_up")])
def test_after_the_last_period_the_rest_is_taken_or_given_up(unfilled: Unfilled, last: str) -> None:
    making = replace(MAKING, unfilled=unfilled)
    assert step_at(44_999, order(created=15_000), making=making) == "wait"
    assert step_at(45_000, order(created=15_000), making=making) == last
    assert step_at(15_000, order(), making=replace(making, reprices=0)) == last


def test_the_order_of_an_old_decision_is_given_up() -> None:
    assert step_at(60_000, order(created=15_000)) == "give_up"


# A trader.


async def waiting(way: float = UP, **rules: object) -> Soak:
    """Returns a trader whose first order, by a forecast of `way`, waits at the venue."""
    desk = await at_a_quiet_venue(
        1, **({"holdings": "All", "making": MAKING, "exits": Exits()} | rules)
    )
    desk.forecasts = Trend(way)
    desk.decider._forecasts = desk.forecasts  # type: ignore[assignment]
    desk.venue.dice.randrange = lambda *_: 0  # type: ignore[method-assign]
    await window(desk)
    return desk


async def window(desk: Soak) -> Decided | None:
    desk.clock.observe(desk.venue.now)
    return await desk.decider.on_window(Window(end=desk.venue.now, ratio=1.0, complete=True))


async def later(desk: Soak, seconds: int, bid: str = "") -> None:
    """Lets time pass with the touch at `bid`, and the trader look."""
    desk.venue.now += seconds * 1000
    if bid:
        desk.venue.bid = D(bid)
    desk.clock.observe(desk.venue.now)
    await desk.selling.maker.look()


def live(desk: Soak) -> list[Resting]:
    return [each for each in desk.venue.orders if each.live]


async def test_a_signal_rests_at_the_touch_and_pays_the_makers_fee_once_filled() -> None:
    desk = await waiting()
    (first,) = live(desk)
    assert first.intent.side == "buy" and first.intent.price == desk.venue.bid
    desk.venue.bid -= 1
    desk.venue.trigger_stops()
    desk.venue._fill(first, first.left)
    await later(desk, 15)
    fills = desk.journaled.ledger.orders[first.intent.client_order_id].order.fills
    assert fills and not any(fill.taker for fill in fills)
    assert not live(desk) and len(desk.venue.orders) == 1


async def test_it_follows_the_touch_twice_and_then_crosses_the_spread() -> None:
    desk = await waiting()
    start = desk.venue.bid
    for move in (1, 2, 3):
        await later(desk, 15, str(start + move))
    orders = desk.venue.orders
    assert [each.intent.price for each in orders[:3]] == [start, start + 1, start + 2]
    assert orders[3].intent.maker is None, "the last one takes"
    assert orders[3].intent.price == orders[0].intent.maker.limit  # type: ignore[union-attr]
    assert len(orders) == 4 and not live(desk)
    assert {each.intent.decision_id for each in orders} == {orders[0].intent.decision_id}
    assert [bool(each.intent.window_end) for each in orders] == [True, False, False, False]


async def test_given_up_it_sends_nothing_more() -> None:
    desk = await waiting(making=replace(MAKING, reprices=0, unfilled="GiveUp"))
    await later(desk, 15, "11500")
    await later(desk, 15)
    assert len(desk.venue.orders) == 1 and not live(desk)


async def test_a_touch_that_stays_leaves_the_order_its_place_in_the_queue() -> None:
    desk = await waiting()
    (first,) = live(desk)
    await later(desk, 15)
    await later(desk, 15)
    assert live(desk) == [first]


async def test_what_filled_before_the_cancel_is_not_bought_again() -> None:
    desk = await waiting()
    (first,) = live(desk)
    desk.venue._fill(first, D("0.4"))
    await later(desk, 15, str(desk.venue.bid + 1))
    (second,) = live(desk)
    assert second.intent.amount == first.intent.amount - first.executed


async def test_while_one_rests_the_same_signal_sends_no_second_and_says_so() -> None:
    desk = await waiting()
    (first,) = live(desk)
    desk.venue.now += 10_000
    decided = await window(desk)
    assert live(desk) == [first] and len(desk.venue.orders) == 1
    assert decided is not None and decided.gate == "in_flight"


async def test_a_signal_to_the_other_side_cancels_it_first() -> None:
    desk = await waiting()
    (first,) = live(desk)
    desk.forecasts.way = DOWN  # type: ignore[attr-defined]
    desk.venue.now += 10_000
    await window(desk)
    (second,) = live(desk)
    assert not first.live and second.intent.side == "sell"
    assert second.intent.price == desk.venue.bid + 1


async def test_an_exit_cancels_it_and_never_waits_itself() -> None:
    desk = await waiting()
    async with desk.engine.acting:
        await desk.selling.down("stop_loss", "exit")
    assert not live(desk)
    sold = desk.venue.orders[-1].intent
    assert sold.side == "sell" and sold.maker is None


async def test_a_pause_cancels_a_buy_and_leaves_a_sell() -> None:
    buying, selling = await waiting(), await waiting(DOWN)
    for desk in (buying, selling):
        await desk.acts.pause("because", "me")
        await later(desk, 1)
    assert not live(buying)
    assert len(live(selling)) == 1


async def test_a_stop_of_the_trader_cancels_it() -> None:
    desk = await waiting()
    await desk.acts.stop(flatten=False, cancel=True)
    assert not live(desk)


async def test_an_order_that_somebody_cancels_at_the_venue_is_given_up() -> None:
    desk = await waiting()
    (first,) = live(desk)
    first.live, first.reason = False, "Requested"
    await desk.engine.reconcile()
    await later(desk, 15, str(desk.venue.bid + 1))
    assert len(desk.venue.orders) == 1


async def test_a_new_process_goes_on_with_the_order_that_it_finds() -> None:
    desk = await waiting()
    (first,) = live(desk)
    await desk._restart()
    await desk.engine.reconcile()
    assert live(desk) == [first], "the journal expects it to rest"
    await later(desk, 15, str(desk.venue.bid + 1))
    (second,) = live(desk)
    assert second.intent.price == first.intent.price + 1


async def test_what_it_reserves_is_the_bots_own_to_spend() -> None:
    desk = await waiting()
    reserved = desk.venue.quote - D(100)
    balances = desk.venue.balances

    async def with_reserve():  # type: ignore[no-untyped-def]
        base, quote = await balances()
        return [base, replace(quote, available=reserved)]

    desk.venue.balances = with_reserve  # type: ignore[method-assign]
    await desk.engine.reconcile()
    assert desk.engine.state().quote == desk.venue.quote
