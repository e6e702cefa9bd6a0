"""The stop that rests at the venue: placed, moved, cancelled, and booked without a trader."""

from decimal import Decimal

import pytest
from msgspec.structs import replace
from soaks.floor import Floor, holding
from soaks.orders import Soak
from venues.resting import Resting

from tradebot.domain.decision import Exits, Increments
from tradebot.domain.exits import resting
from tradebot.domain.exits.resting import RestingStop
from tradebot.domain.situation import Settings
from tradebot.records import DocType
from tradebot.trader.settings import TraderSettings

D = Decimal
REST = Exits(stop_loss=D("0.05"), max_slippage_bps=300, rest_at_venue=True)


def live(desk: Soak) -> list[Resting]:
    return [order for order in desk.venue.orders if order.live]


async def protected(exits: Exits = REST) -> tuple[Soak, Floor, Resting]:
    """Returns a trader that holds 1 base bought at 10,001, and its resting stop."""
    desk, floor = await holding(exits)
    accept = type(desk.venue)._accept
    take = desk.venue._accept

    def accepted(intent):  # type: ignore[no-untyped-def]
        return accept(desk.venue, intent) if intent.stop is not None else take(intent)

    desk.venue._accept = accepted  # type: ignore[method-assign]
    await desk.watch.look()
    (stop,) = live(desk)
    return desk, floor, stop


async def test_a_look_after_a_buy_places_the_stop_at_the_loss_with_room_below() -> None:
    desk, _, stop = await protected()
    entry = desk.engine.state().position.entry  # type: ignore[union-attr]
    assert stop.intent.stop is not None
    assert D(0) < stop.intent.stop - entry * D("0.95") <= D("0.01"), "never later than the loss"
    assert stop.intent.price == (stop.intent.stop * D("0.97")).quantize(D("0.01"), "ROUND_UP")
    assert (stop.intent.side, stop.intent.amount) == ("sell", D(1))
    assert not desk.engine.doubt and not desk.journaled.ledger.unresolved()


async def test_what_the_stop_reserves_may_still_be_sold_by_the_bot() -> None:
    desk, _, _ = await protected()
    await desk.engine.reconcile()
    assert desk.selling.sellable() == 1


async def test_a_stop_that_fits_is_left_alone() -> None:
    desk, _, stop = await protected()
    for _ in range(3):
        await desk.watch.look()
        await desk.engine.reconcile()
    assert live(desk) == [stop]


async def test_more_bought_moves_the_stop() -> None:
    desk, _, stop = await protected()
    intent = desk.journaled.intent(
        "buy", D("0.5"), D(10_100), mid=D(10_000), window_end=0, name="btc-2", minimum=D(0)
    )
    await desk.engine.execute(intent)
    await desk.watch.look()
    (moved,) = live(desk)
    assert not stop.live and moved.intent.amount == D("1.5")


async def test_a_stop_that_filled_in_part_keeps_resting_for_the_rest() -> None:
    desk, _, stop = await protected()
    desk.venue._fill(stop, D("0.4"))
    await desk.engine.reconcile()
    await desk.watch.look()
    assert live(desk) == [stop]
    assert desk.engine.state().position.amount == D("0.6")  # type: ignore[union-attr]


async def test_an_exit_lifts_the_stop_before_it_sells() -> None:
    desk, floor, stop = await protected()
    floor.bids, floor.ask = [(D(9000), D(50))], D(9001)
    await desk.watch.look()
    assert not stop.live and not stop.trades
    assert desk.venue.base == 0 and not live(desk)


async def test_a_stop_that_fills_during_its_cancel_leaves_nothing_to_sell() -> None:
    desk, floor, stop = await protected()
    cancel, sent = desk.venue.cancel, len(floor.sent)

    async def too_late(order_id: str):  # type: ignore[no-untyped-def]
        desk.venue._fill(stop, stop.left)
        return await cancel(order_id)

    desk.venue.cancel = too_late  # type: ignore[method-assign]
    await desk.acts.flatten("out", "a person")
    assert desk.venue.base == 0 and len(floor.sent) == sent
    assert desk.engine.state().position is None and not desk.journaled.ledger.flattening


async def test_a_stop_that_filled_while_the_trader_was_dead_is_the_bot_s_own_exit() -> None:
    desk, _, stop = await protected()
    desk.venue.bid = D(9400)
    desk.venue._fill(stop, stop.left)
    await desk._restart()
    outcome = await desk.engine.reconcile()
    await desk.journaled.flush()
    ledger = desk.journaled.ledger
    assert outcome.certain and not outcome.notes
    assert ledger.trip is None and ledger.trips == 1 and ledger.realised < 0
    assert not ledger.outside_trades and not ledger.outside_base
    sold = [d for d in desk.publisher.delivered_documents if d.doc_type == DocType.SCORE]
    assert len(sold) == 1


async def test_a_stop_outlives_the_trader_s_stop_and_is_kept_by_the_next() -> None:
    desk, _, stop = await protected()
    await desk.acts.stop(flatten=False, cancel=True)
    assert stop.live
    await desk._restart()
    await desk.engine.reconcile()
    await desk.watch.look()
    assert live(desk) == [stop]


async def test_turned_off_the_stop_is_lifted() -> None:
    desk, _, stop = await protected()
    desk.rules = Settings(holdings="Own", exits=Exits(stop_loss=D("0.05")))
    await desk._restart()
    await desk.engine.reconcile()
    await desk.watch.look()
    assert not stop.live and not live(desk)


async def test_a_halt_that_sends_nothing_leaves_the_stop_where_it_is() -> None:
    desk, _, stop = await protected()
    desk.rules = Settings(holdings="Own", exits=REST, on_breach="Hold")
    await desk._restart()
    await desk.engine.reconcile()
    await desk.engine.halt("a limit")
    desk.venue._fill(stop, D("0.4"))
    await desk.engine.reconcile()
    await desk.watch.look()
    assert live(desk) == [stop]


async def test_no_stop_is_placed_above_the_market() -> None:
    desk, floor = await holding(REST)
    floor.bids, floor.ask = [(D(9000), D("0.1"))], D(9001)
    await desk.watch.look()  # the exit sells what the book takes
    floor.bids = []
    await desk.watch.look()
    assert not live(desk)


@pytest.mark.parametrize("change", [{"stop_loss": None}, {"rest_at_venue": False}])
async def test_without_a_stop_loss_or_the_setting_nothing_should_rest(
    change: dict[str, object],
) -> None:
    desk, _ = await holding(replace(REST, **change))
    steps = Increments(amount_step=D("1e-8"), price_step=D("0.01"), minimum=D("0.00001"))
    assert resting.wanted(desk.engine.state(), desk.engine.rules, steps) is None


def test_a_trigger_within_one_price_step_may_stay() -> None:
    rests = RestingStop(stop=D("95.00"), limit=D(90), amount=D(1))
    want = RestingStop(stop=D("95.01"), limit=D(90), amount=D(1))
    assert resting.suits(rests, want, D("0.01"))
    assert not resting.suits(rests, want, D("0.001"))
    assert not resting.suits(rests, RestingStop(stop=D(95), limit=D(90), amount=D(2)), D("0.01"))


def test_a_heartbeat_that_would_cancel_the_stop_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="the venue cancels all orders of the key"):
        TraderSettings(rest_at_venue=True, heartbeat=True)
    with pytest.raises(ValueError, match="set stop_loss above 0"):
        TraderSettings(rest_at_venue=True, stop_loss=D(0))
