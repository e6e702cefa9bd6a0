"""Selling down the book: in a market of any width, step by step, and never twice."""

from decimal import Decimal

import pytest
from soaks.floor import Floor, at_a_quiet_venue

from tradebot.domain.intent import Intent
from tradebot.trader.journal.entries import Halted, Paused
from tradebot.venue.errors import AmbiguousError, RejectedError
from tradebot.venue.port import OrderStatus

D = Decimal


@pytest.mark.parametrize("width", [2, 50, 150, 250, 400, 1000, 5000])
async def test_flatten_sells_in_a_market_of_any_width(width: int) -> None:
    desk = await at_a_quiet_venue()
    floor = Floor(desk, [(D(10_000), D(5))], ask=D(10_000) * (1 + D(width) / 10_000))
    told = await desk.acts.flatten("out", "a person")
    assert desk.venue.base == 0
    assert floor.sent == [D(9950)], "the first step, which the book fills at the bid"
    assert "has nothing left" in told
    assert not desk.journaled.ledger.flattening, "the order is done"


async def test_a_thin_book_is_taken_level_by_level_down_to_the_floor_and_no_further() -> None:
    desk = await at_a_quiet_venue()
    levels = [(D(10_000) - 100 * step, D("0.15")) for step in range(10)]
    floor = Floor(desk, levels, ask=D(10_001))
    told = await desk.acts.flatten("out", "a person")
    assert min(floor.sent) == D(9500), "5 % below the best bid, as maxExitSlippageBps says"
    assert desk.venue.base == D("0.1"), "six levels of 0.15 lie at or above the floor"
    assert "0.1" in told and "retries" in told
    assert desk.journaled.ledger.flattening == "out", "the order stands"


async def test_what_is_left_is_sold_at_the_next_try_from_where_the_book_is_by_then() -> None:
    desk = await at_a_quiet_venue()
    floor = Floor(desk, [(D(10_000), D("0.4")), (D(9000), D(9))], ask=D(10_001))
    await desk.acts.flatten("out", "a person")
    assert desk.venue.base == D("0.6")
    async with desk.engine.acting:
        assert await desk.selling.flatten() == 0
    assert floor.sent[-1] == D(8955)
    assert not desk.journaled.ledger.flattening


async def test_an_order_whose_response_was_lost_is_looked_up_before_the_next_try() -> None:
    desk = await at_a_quiet_venue()
    Floor(desk, [(D(10_000), D(5))], ask=D(10_001))
    place, lost = desk.venue.place, []

    async def losing(intent: Intent) -> OrderStatus:
        status = await place(intent)
        if not lost:
            lost.append(intent)
            raise AmbiguousError("Timeout", "no answer")
        return status

    desk.venue.place = losing  # type: ignore[method-assign]
    await desk.acts.flatten("out", "a person")
    assert lost and len(desk.venue.orders) == 1, "the lost answer's order had sold all"
    assert desk.venue.base == 0


async def test_a_refused_order_is_tried_again_deeper() -> None:
    desk = await at_a_quiet_venue()
    floor = Floor(desk, [(D(10_000), D(5))], ask=D(10_001))
    refused: list[Intent] = []

    def look(intent: Intent) -> None:
        if not refused:
            refused.append(intent)
            raise RejectedError("MarketPaused", "try later")

    desk.venue.look = look
    await desk.acts.flatten("out", "a person")
    assert refused and len(floor.sent) == 1
    assert desk.venue.base == 0


async def test_a_flatten_that_a_dead_trader_left_is_still_owed_and_resume_calls_it_off() -> None:
    desk = await at_a_quiet_venue()
    await desk.journaled.record(Halted(reason="a limit"))
    await desk.journaled.record(Paused(because="out", by="a person", flatten=True))
    await desk._restart()
    assert desk.engine.state().flattening == "out"
    await desk.acts.resume("never mind", "a person")
    assert not desk.engine.state().flattening
