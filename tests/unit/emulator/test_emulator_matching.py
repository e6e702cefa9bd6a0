"""The emulator's book and desk: the effect of each order option, and invariants."""

import itertools
import os
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tradebot.domain.money import Side
from tradebot.emulator.accounts.account import ExchangeAccount, Ticket
from tradebot.emulator.book_market import BookMarket
from tradebot.emulator.clock import ExchangeClock
from tradebot.emulator.desk import Desk, OrderRequest
from tradebot.emulator.feeds import Feeds, MarketUpdate
from tradebot.emulator.instruments import instrument
from tradebot.emulator.market.candles import Candles
from tradebot.emulator.market.generator import Generator
from tradebot.emulator.matching.engine import MatchingEngine
from tradebot.emulator.matching.orders import MARKET, Behaviour, ExchangeOrder, Trade
from tradebot.emulator.refusals import RefusalError

BTCUSD = instrument("BTCUSD", 11_400)
BTC = 10**8
START = 1_600_000_000_000 // 60_000 * 60_000
HISTORY = Generator(start=START - 86_400_000, price=100.0, seed=1).next_day()


class Floor:
    """One market with two accounts, and nobody else unless the test adds them."""

    def __init__(self, *, price_limits: bool = False) -> None:
        self.ids = itertools.count(1).__next__
        clock = ExchangeClock(START, 1.0, monotonic=lambda: 0.0)
        feeds = Feeds()
        self.changes: list[MarketUpdate] = []
        feeds.market.append(self.changes.append)
        self.steps: list[str] = []
        feeds.orders.append(lambda update: self.steps.append(update.type))
        self.desk = Desk(clock=clock, feeds=feeds, ids=self.ids)
        self.engine = MatchingEngine(price_limits=price_limits)
        self.market = BookMarket(
            BTCUSD,
            self.engine,
            Candles(BTCUSD, HISTORY),
            clock=clock,
            feeds=feeds,
            ids=self.ids,
            on_owned=self.desk.on_owned,
        )
        holdings = {"USD": Decimal(10_000), "BTC": Decimal(100)}
        self.accounts = [
            ExchangeAccount(name, 1 + place, holdings) for place, name in enumerate("ab")
        ]

    def crowd(self, side: Side, price: int, amount: int, *, taker: bool = False) -> ExchangeOrder:
        behaviour: Behaviour = "immediate-or-cancel" if taker else ""
        order = ExchangeOrder(self.ids(), MARKET, side, price, amount, amount, behaviour)
        self.market.digest(START, self.engine.submit(order))
        return order

    def place(
        self,
        side: Side,
        price: int,
        amount: int,
        behaviour: Behaviour = "",
        *,
        stop: int = 0,
        account: int = 0,
    ) -> Ticket:
        request = OrderRequest(self.market, side, price, amount, behaviour, stop, None, "key")
        return self.desk.place(self.accounts[account], request)


def test_an_older_order_at_the_same_price_trades_first() -> None:
    floor = Floor()
    first = floor.place("sell", 10_000, BTC)
    second = floor.place("sell", 10_000, BTC, account=1)
    floor.crowd("buy", 10_000, BTC, taker=True)
    assert (first.remaining, second.remaining) == (0, BTC)


def test_a_better_price_trades_before_an_older_order_and_at_its_own_price() -> None:
    floor = Floor()
    floor.crowd("sell", 10_010, BTC)
    floor.crowd("sell", 10_000, BTC)
    ticket = floor.place("buy", 10_010, 2 * BTC)
    assert [fill.price for fill in ticket.fills] == [10_000, 10_010]
    assert ticket.spent == Decimal("200.10")


def test_immediate_or_cancel_keeps_what_it_got_and_cancels_the_rest() -> None:
    floor = Floor()
    floor.crowd("sell", 10_000, BTC)
    ticket = floor.place("buy", 10_000, 3 * BTC, "immediate-or-cancel")
    assert ticket.executed == BTC
    assert (ticket.cancelled, ticket.reason) == (True, "ImmediateOrCancelWouldPost")
    assert floor.engine.bids.best() is None
    assert floor.steps == ["accepted", "fill", "cancelled", "closed"]


def test_fill_or_kill_fills_whole_or_touches_nothing() -> None:
    floor = Floor()
    floor.crowd("sell", 10_000, BTC)
    killed = floor.place("buy", 10_000, 2 * BTC, "fill-or-kill")
    assert (killed.executed, killed.reason) == (0, "FillOrKillWouldNotFill")
    filled = floor.place("buy", 10_000, BTC, "fill-or-kill")
    assert filled.remaining == 0


def test_maker_or_cancel_never_takes() -> None:
    floor = Floor()
    floor.crowd("sell", 10_000, BTC)
    refused = floor.place("buy", 10_000, BTC, "maker-or-cancel")
    assert (refused.executed, refused.reason) == (0, "MakerOrCancelWouldTake")
    rests = floor.place("buy", 9_999, BTC, "maker-or-cancel")
    assert rests.is_live
    assert floor.steps == ["accepted", "cancelled", "closed", "accepted", "booked"]


def test_an_order_does_not_trade_with_its_own_account() -> None:
    floor = Floor()
    mine = floor.place("sell", 10_000, BTC)
    floor.crowd("sell", 9_999, BTC)
    crossing = floor.place("buy", 10_000, 2 * BTC)
    assert crossing.executed == BTC
    assert crossing.reason == "SelfCrossPrevented"
    assert mine.is_live


def test_a_stop_limit_order_waits_for_its_price() -> None:
    floor = Floor()
    floor.crowd("buy", 10_000, BTC)
    floor.crowd("sell", 10_000, BTC // 2, taker=True)
    stop = floor.place("sell", 9_400, BTC, stop=9_500)
    assert stop.is_live
    assert floor.engine.asks.best() is None
    floor.crowd("buy", 9_500, 2 * BTC)
    floor.crowd("sell", 9_500, BTC, taker=True)
    assert stop.remaining == 0


def test_an_order_moves_the_price_by_five_per_cent_at_most() -> None:
    floor = Floor(price_limits=True)
    floor.crowd("sell", 10_000, BTC)
    floor.crowd("buy", 10_000, BTC // 2, taker=True)
    floor.crowd("sell", 10_501, BTC)
    ticket = floor.place("buy", 11_000, 2 * BTC)
    assert ticket.executed == BTC // 2
    assert ticket.reason == "ExceedsPriceLimits"


def test_a_buy_reserves_its_value_and_the_takers_fee() -> None:
    floor = Floor()
    floor.place("buy", 10_000, 10 * BTC)
    assert floor.accounts[0].ledger.available("USD") == 10_000 - Decimal("1004")


def test_an_order_that_the_account_cannot_pay_is_refused_and_reserves_nothing() -> None:
    floor = Floor()
    with pytest.raises(RefusalError, match="InsufficientFunds") as refused:
        floor.place("buy", 10_000, 100 * BTC)
    assert refused.value.status == 406
    assert floor.accounts[0].ledger.available("USD") == 10_000
    assert floor.steps == ["rejected"]


def test_maker_and_taker_pay_their_own_fees_in_quote_currency() -> None:
    floor = Floor()
    maker = floor.place("sell", 10_000, BTC)
    taker = floor.place("buy", 10_000, BTC, account=1)
    assert [fill.fee for fill in maker.fills + taker.fills] == [Decimal("0.2"), Decimal("0.4")]
    assert floor.accounts[0].ledger.amount("USD") == 10_000 + 100 - Decimal("0.2")
    assert floor.accounts[1].ledger.amount("USD") == 10_000 - 100 - Decimal("0.4")


@pytest.mark.parametrize("amount", [1, BTC // 2, BTC, 2 * BTC + 5, 3 * BTC])
def test_the_crowd_can_withdraw_all_but_what_an_order_may_take(amount: int) -> None:
    floor = Floor()
    resting = [floor.crowd("sell", price, BTC) for price in (10_000, 10_001, 10_002, 10_009)]
    floor.market.digest(
        START, floor.engine.thin(ExchangeOrder(0, 1, "buy", 10_005, BTC, BTC), amount)
    )
    levels = dict(floor.market.levels("ask"))
    assert levels.pop(10_009) == BTC
    assert sum(levels.values()) == amount
    assert list(levels) == [10_000, 10_001, 10_002][: len(levels)]
    told: dict[int, int] = {}
    for update in floor.changes:
        told[update.change.price] = update.change.remaining
    assert {price: size for price, size in told.items() if size} == {**levels, 10_009: BTC}
    assert resting[3].live


SIDES = st.sampled_from(["buy", "sell"])
PRICES = st.integers(9_980, 10_020)
AMOUNTS = st.integers(1, 5 * BTC)
BEHAVIOURS = st.sampled_from(["", "", "maker-or-cancel", "immediate-or-cancel", "fill-or-kill"])


class AnyTrading(RuleBasedStateMachine):
    """Two accounts and a crowd place and cancel at random."""

    @initialize()
    def open(self) -> None:
        self.floor = Floor()
        self.tickets: list[tuple[int, Ticket]] = []
        self.traded: list[Trade] = []
        self.queues: list[list[int]] = []
        submit = self.floor.engine.submit

        def watched(order: ExchangeOrder) -> list[object]:
            half = self.floor.engine.asks if order.side == "buy" else self.floor.engine.bids
            queue = [each for price in half.prices() for each in half.levels[price].orders]
            events = submit(order)
            trades = [event for event in events if isinstance(event, Trade)]
            self.traded += trades
            makers = [trade.maker.id for trade in trades if trade.taker is order]
            assert makers == queue[: len(makers)], "trades must follow price, then time"
            return events

        self.floor.engine.submit = watched  # type: ignore[method-assign, assignment]

    @rule(side=SIDES, price=PRICES, amount=AMOUNTS, taker=st.booleans())
    def crowd(self, side: Side, price: int, amount: int, taker: bool) -> None:
        self.floor.crowd(side, price, amount, taker=taker)

    @rule(side=SIDES, price=PRICES, amount=AMOUNTS, behaviour=BEHAVIOURS, account=st.integers(0, 1))
    def place(
        self, side: Side, price: int, amount: int, behaviour: Behaviour, account: int
    ) -> None:
        try:
            ticket = self.floor.place(side, price, amount, behaviour, account=account)
        except RefusalError:
            return
        self.tickets.append((account, ticket))

    @rule(side=SIDES, stop=PRICES, amount=AMOUNTS, account=st.integers(0, 1))
    def place_stop(self, side: Side, stop: int, amount: int, account: int) -> None:
        price = stop + 5 if side == "buy" else stop - 5
        try:
            ticket = self.floor.place(side, price, amount, stop=stop, account=account)
        except RefusalError:
            return
        self.tickets.append((account, ticket))

    @rule(place=st.integers(0, 10_000))
    def cancel(self, place: int) -> None:
        if self.tickets:
            account, ticket = self.tickets[place % len(self.tickets)]
            owner = self.floor.accounts[account]
            self.floor.desk.cancel(owner, self.floor.market, ticket, "Requested")
            assert not ticket.is_live

    @invariant()
    def the_book_is_not_crossed(self) -> None:
        bid, ask = self.floor.engine.bids.best(), self.floor.engine.asks.best()
        assert bid is None or ask is None or bid < ask

    @invariant()
    def a_level_is_the_sum_of_its_orders(self) -> None:
        for half in (self.floor.engine.bids, self.floor.engine.asks):
            prices = list(half.prices())
            assert sorted(prices, reverse=half.side == "bid") == prices
            assert set(prices) == set(half.levels)
            for level in half.levels.values():
                assert level.size == sum(order.remaining for order in level.orders.values()) > 0

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        base = quote = Decimal(0)
        for trade in self.traded:
            for order, sign in ((trade.maker, 1), (trade.taker, 1)):
                if order.owner == MARKET:
                    way = sign if order.side == "sell" else -sign
                    base += way * BTCUSD.amount(trade.amount)
                    quote -= way * BTCUSD.value(trade.price, trade.amount)
        fees = sum(fill.fee for account in self.floor.accounts for fill in account.fills)
        held = [account.ledger for account in self.floor.accounts]
        assert sum(ledger.amount("BTC") for ledger in held) == 200 + base
        assert sum(ledger.amount("USD") for ledger in held) == 20_000 + quote - fees

    @invariant()
    def nobody_spends_what_he_does_not_have(self) -> None:
        for account in self.floor.accounts:
            for currency in ("USD", "BTC"):
                available = account.ledger.available(currency)
                assert 0 <= available <= account.ledger.amount(currency)
            if not account.live:
                assert account.ledger.available("USD") == account.ledger.amount("USD")

    @invariant()
    def an_order_is_what_filled_and_what_did_not(self) -> None:
        for account, ticket in self.tickets:
            assert ticket.executed == sum(fill.amount for fill in ticket.fills)
            assert 0 <= ticket.remaining <= ticket.order.amount
            assert ticket.is_live == (ticket.order.id in self.floor.accounts[account].live)
            if ticket.is_live:
                assert self.floor.engine.resting(ticket.order.id) is ticket.order
                assert ticket.order.remaining == ticket.remaining
            for fill in ticket.fills:
                assert (fill.price - ticket.order.price) * (1 if fill.side == "buy" else -1) <= 0

    @invariant()
    def changes_of_the_book_are_numbered_without_gaps(self) -> None:
        numbers = [update.sequence for update in self.floor.changes]
        assert numbers == list(range(1, len(numbers) + 1))


DEPTH = int(os.environ.get("TRADEBOT_TEST_DEPTH", "1"))
"""Multiplies the usual number of examples."""
AnyTrading.TestCase.settings = settings(
    max_examples=60 * DEPTH, stateful_step_count=40, deadline=None
)
TestAnyTrading = AnyTrading.TestCase


def test_a_waiting_stop_that_is_filled_by_force_sells_only_the_rest_later() -> None:
    floor = Floor()
    floor.crowd("buy", 10_000, BTC)
    floor.crowd("sell", 10_000, BTC, taker=True)
    ticket = floor.place("sell", 8_000, 2 * BTC, stop=9_000)
    floor.desk.force_fill(floor.market, ticket, BTC // 2)
    floor.crowd("buy", 9_000, 10 * BTC)
    floor.crowd("sell", 9_000, BTC, taker=True)
    assert ticket.executed == 2 * BTC
    assert ticket.remaining == 0
