"""One order at a time: how each response of the venue is handled, and reconciliation."""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY
from venues.faulty import FaultyVenue, MemoryJournal, MemoryPublisher

from tradebot.domain.intent import Intent
from tradebot.domain.order_state import Phase
from tradebot.trader.journal.documents import Identity
from tradebot.trader.journal.entries import Balanced, EpochTaken, Halted, Intended
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.lease import LeaseLostError
from tradebot.trader.orders.execution import LOOK_UPS, Executor
from tradebot.trader.orders.reconcile import Outcome, Reconciler
from tradebot.venue.errors import AmbiguousError, RejectedError, TransportError
from tradebot.venue.port import OrderStatus, OwnTrade

D = Decimal
Answer = Callable[["Scripted", Intent], OrderStatus]


class Scripted(FaultyVenue):
    """Responds to a new order as the test says; everything else succeeds."""

    answer: Answer | None = None
    slept: float = 0.0
    trades_hidden = False

    async def place(self, intent: Intent) -> OrderStatus:
        if self.answer is None:
            return await super().place(intent)
        return self.answer(self, intent)

    async def trades(self, since: int) -> list[OwnTrade]:
        return [] if self.trades_hidden else await super().trades(since)

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds
        await super().sleep(seconds)


def intent(number: int = 1, epoch: int = 1, **changes: Any) -> Intent:
    fields: dict[str, Any] = {
        "client_order_id": f"tb-btc-{epoch}-{number}",
        "epoch": epoch,
        "number": number,
        "decision_id": f"btc-{number}",
        "symbol": "BTCUSD",
        "side": "buy",
        "amount": D(1),
        "price": D(11500),
        "mid": D(11400),
        "window_end": 60_000 * number,
        "created": 0,
    }
    return Intent(**(fields | changes))


class Desk:
    """A trader's parts at a venue without random faults."""

    def __init__(self, *, epoch: int = 1, held: bool = True) -> None:
        self.venue = Scripted(seed=1, rate=0.0)
        publisher = MemoryPublisher(Random(1))
        who = Identity(bot="btc", symbol="BTCUSD", mode="Live")
        self.journaled = JournaledLedger(
            MemoryJournal(Random(1)), publisher, who, lambda: self.venue.now
        )
        self.executor = Executor(self.journaled, self.venue, lambda: held, self.venue.sleep)
        self.reconciler = Reconciler(
            self.journaled, self.venue, self.executor, symbol="BTCUSD", currencies=("BTC", "USD"),
            sleep=self.venue.sleep,
        )  # fmt: skip
        self.epoch = epoch

    async def open(self) -> "Desk":
        await self.journaled.record(EpochTaken(epoch=self.epoch, mode="Live"))
        return self

    async def reconcile(self) -> Outcome:
        return await self.reconciler.run(mid=D(11400), now=self.venue.now)

    def phase(self, number: int = 1) -> Phase:
        return self.journaled.ledger.orders[f"tb-btc-1-{number}"].order.phase


def flags(kind: str) -> float:
    labels = {"bot": "btc", "kind": kind}
    return REGISTRY.get_sample_value("tradebot_trader_flags_total", labels) or 0.0


def fails(error: Exception) -> Answer:
    def answer(_venue: Scripted, _intent: Intent) -> OrderStatus:
        raise error

    return answer


def accepts_and_loses(venue: Scripted, wanted: Intent) -> OrderStatus:
    venue._accept(wanted)
    raise AmbiguousError("Timeout", "no answer")


# What an answer means.


async def test_an_order_is_in_the_journal_before_it_is_sent() -> None:
    desk = await Desk().open()

    def look(venue: Scripted, wanted: Intent) -> OrderStatus:
        last = list(desk.journaled._journal.read())[-1].body
        assert isinstance(last, Intended) and last.intent == wanted
        return venue._status(venue._accept(wanted), trades=False)

    desk.venue.answer = look
    assert await desk.executor.execute(intent())
    assert desk.phase() == Phase.CLOSED


async def test_an_order_that_was_never_sent_is_over_at_once() -> None:
    desk = await Desk().open()
    desk.venue.answer = fails(TransportError("ConnectError", "no route"))
    assert await desk.executor.execute(intent())
    assert desk.phase() == Phase.UNPLACED


async def test_an_order_that_was_refused_is_over_at_once_with_the_reason() -> None:
    desk = await Desk().open()
    desk.venue.answer = fails(RejectedError("InsufficientFunds", "insufficient funds"))
    assert await desk.executor.execute(intent())
    order = desk.journaled.ledger.orders["tb-btc-1-1"].order
    assert (order.phase, order.reason) == (Phase.CLOSED, "InsufficientFunds")


async def test_a_lost_response_leaves_the_fate_open_until_a_look_up_finds_the_order() -> None:
    desk = await Desk().open()
    desk.venue.answer = accepts_and_loses
    assert not await desk.executor.execute(intent())
    assert desk.phase() == Phase.INTENDED
    [placed] = desk.journaled.ledger.unresolved()
    assert await desk.executor.resolve(placed)
    assert desk.phase() == Phase.CLOSED
    known = {fill.trade_id for fill in desk.journaled.ledger.orders["tb-btc-1-1"].order.fills}
    assert known == {trade.tid for order in desk.venue.orders for trade in order.trades}


async def test_only_after_all_look_ups_is_an_order_concluded_not_to_exist() -> None:
    desk = await Desk().open()
    desk.venue.answer = fails(AmbiguousError("Timeout", "no answer"))
    assert not await desk.executor.execute(intent())
    [placed] = desk.journaled.ledger.unresolved()
    assert await desk.executor.resolve(placed)
    assert desk.phase() == Phase.UNPLACED
    assert desk.venue.slept == sum(LOOK_UPS)


async def test_another_order_of_the_same_name_is_not_taken_for_ours() -> None:
    desk = await Desk().open()
    desk.venue.answer = fails(AmbiguousError("Timeout", "no answer"))
    await desk.executor.execute(intent())
    desk.venue._accept(intent(amount=D(2)))
    [placed] = desk.journaled.ledger.unresolved()
    assert await desk.executor.resolve(placed)
    assert desk.phase() == Phase.UNPLACED


async def test_two_orders_of_one_intent_halt_the_bot() -> None:
    desk = await Desk().open()

    def twice(venue: Scripted, wanted: Intent) -> OrderStatus:
        venue._accept(wanted)
        return accepts_and_loses(venue, wanted)

    desk.venue.answer = twice
    await desk.executor.execute(intent())
    [placed] = desk.journaled.ledger.unresolved()
    await desk.executor.resolve(placed)
    assert "more than one order for intent tb-btc-1-1" in desk.journaled.ledger.halted


async def test_without_the_lease_nothing_is_sent() -> None:
    desk = await Desk(held=False).open()
    with pytest.raises(LeaseLostError):
        await desk.executor.execute(intent())
    assert not desk.venue.orders
    assert desk.phase() == Phase.UNPLACED


# What reconciliation finds.


async def test_a_first_start_takes_the_venue_s_balances_as_they_are() -> None:
    desk = await Desk().open()
    before = flags("outside_balance")
    outcome = await desk.reconcile()
    ledger = desk.journaled.ledger
    assert outcome.certain
    assert (ledger.base, ledger.quote, ledger.known) == (D(10), D(100_000), True)
    assert flags("outside_balance") == before


async def test_comparisons_are_counted_for_the_decision_that_comes_next() -> None:
    desk = await Desk().open()
    await desk.reconcile()
    await desk.reconcile()
    assert [desk.reconciler.made_since_asked() for _ in range(2)] == [2, 0]


async def test_a_first_start_counts_on_from_what_the_venue_remembers() -> None:
    desk = await Desk(epoch=9).open()
    desk.venue._accept(intent(41))
    await desk.reconcile()
    assert desk.journaled.ledger.number == 41


async def test_an_order_of_an_older_epoch_that_still_lives_is_cancelled_and_flagged() -> None:
    desk = await Desk(epoch=1).open()
    await desk.reconcile()
    await desk.journaled.record(Intended(intent=intent()))
    order = desk.venue.rest_one("tb-btc-1-1", intent())
    await desk.journaled.record(EpochTaken(epoch=2, mode="Live"))
    before = flags("older_epoch")
    outcome = await desk.reconcile()
    assert outcome.certain
    assert not order.live
    assert flags("older_epoch") == before + 1
    assert desk.phase() == Phase.CLOSED


async def test_an_order_in_our_name_without_an_intent_halts_the_bot() -> None:
    desk = await Desk().open()
    await desk.reconcile()
    desk.venue.rest_one("tb-btc-1-7", intent(7))
    await desk.reconcile()
    assert "has no such intent" in desk.journaled.ledger.halted
    assert isinstance(list(desk.journaled._journal.read())[-2].body, Halted)


async def test_somebody_else_s_orders_and_trades_are_noticed_and_left_alone() -> None:
    desk = await Desk().open()
    await desk.reconcile()
    theirs = msgspec.structs.replace(intent(), client_order_id="by-hand")
    resting = desk.venue.rest_one("by-hand", theirs)
    desk.venue.seed, desk.venue.dice = 5, Random(5)
    traded = desk.venue._accept(msgspec.structs.replace(theirs, amount=D("0.5")))
    before = (flags("outside_order"), flags("outside_trade"))
    outcome = await desk.reconcile()
    assert resting.live, "it is not ours to cancel"
    assert flags("outside_order") == before[0] + 1
    assert flags("outside_trade") == before[1] + len(traded.trades)
    assert (outcome.outside_base, outcome.outside_quote) == (
        desk.venue.base - 10,
        desk.venue.quote - 100_000,
    )
    last = list(desk.journaled._journal.read())[-1].body
    assert isinstance(last, Balanced)
    assert (last.traded_base, last.traded_quote) == (last.outside_base, last.outside_quote)
    assert desk.journaled.ledger.outside_traded == max(trade.ts for trade in traded.trades)
    await desk.reconcile()
    assert flags("outside_trade") == before[1] + len(traded.trades), "each is noticed once"


async def test_a_deposit_alongside_a_trade_of_others_is_still_a_deposit() -> None:
    desk = await Desk().open()
    await desk.reconcile()
    theirs = msgspec.structs.replace(intent(), client_order_id="by-hand")
    desk.venue._accept(msgspec.structs.replace(theirs, amount=D("0.5")))
    desk.venue.quote += 1000
    outcome = await desk.reconcile()
    last = list(desk.journaled._journal.read())[-1].body
    assert isinstance(last, Balanced)
    assert last.outside_quote - last.traded_quote == 1000
    assert outcome.outside_base == last.traded_base


async def test_a_trade_that_the_venue_breaks_is_taken_back() -> None:
    desk = await Desk().open()
    await desk.reconcile()
    before = desk.journaled.ledger
    await desk.executor.execute(intent())
    [order] = desk.venue.orders
    assert order.trades
    order.trades = [msgspec.structs.replace(trade, broken=True) for trade in order.trades]
    desk.venue.base, desk.venue.quote = before.base, before.quote
    outcome = await desk.reconcile()
    after = desk.journaled.ledger
    assert outcome.certain
    assert (outcome.outside_base, outcome.outside_quote) == (0, 0)
    assert (after.base, after.quote, after.trip) == (before.base, before.quote, None)
    [placed] = after.orders.values()
    assert placed.order.fills == ()


async def test_a_fill_that_came_after_the_order_was_closed_is_booked() -> None:
    desk = await Desk().open()
    await desk.reconcile()

    def nothing_yet(venue: Scripted, wanted: Intent) -> OrderStatus:
        return venue._status(venue.rest_one(wanted.client_order_id, wanted), trades=False)

    desk.venue.answer = nothing_yet
    await desk.executor.execute(intent())
    [order] = desk.venue.orders
    order.live = False
    desk.venue.pass_time(200_000)
    desk.venue._fill(order, D(1))
    outcome = await desk.reconcile()
    ledger = desk.journaled.ledger
    assert (ledger.base, ledger.quote) == (desk.venue.base, desk.venue.quote)
    assert (outcome.outside_base, outcome.outside_quote) == (0, 0)


async def test_while_an_order_s_fate_is_unknown_the_books_are_not_called_true() -> None:
    desk = await Desk().open()
    await desk.reconcile()
    desk.venue.answer = accepts_and_loses
    await desk.executor.execute(intent())

    async def silent(_client_order_id: str) -> list[OrderStatus]:
        raise AmbiguousError("Timeout", "no answer")

    desk.venue.find = silent  # type: ignore[method-assign]
    desk.venue.trades_hidden = True
    outcome = await desk.reconcile()
    assert not outcome.certain
    assert desk.journaled.ledger.pending == ("tb-btc-1-1",)
    assert (outcome.outside_base, outcome.outside_quote) == (0, 0)
