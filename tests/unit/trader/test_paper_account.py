"""What paper orders meet, and those whose process ended while they were being written: nothing
but the journal knows them, and a journal in Kafka may hold the first of an order's entries alone.
"""

from decimal import Decimal
from random import Random
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from venues.faulty import MemoryJournal, MemoryPublisher

from tradebot.domain.account import fold
from tradebot.domain.account.fold import Account
from tradebot.domain.account.trip import Traded
from tradebot.domain.instrument import Instrument
from tradebot.domain.intent import Intent
from tradebot.domain.money import Side
from tradebot.domain.order_state import Fill, Order, Told
from tradebot.domain.order_state import apply as apply_event
from tradebot.records import TradeRecord
from tradebot.trader.journal.documents import Identity
from tradebot.trader.journal.entries import EpochTaken, Intended
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.ledger import Placed
from tradebot.trader.orders.execution import Executor
from tradebot.trader.orders.paper import PaperAccount
from tradebot.trader.orders.reconcile import Outcome, Reconciler
from tradebot.trader.settings import TraderSettings
from tradebot.trader.stage import fees_of
from tradebot.venue.gemini.fees import FEES
from tradebot.venue.gemini.rest import GeminiRest
from tradebot.venue.port import Book, BookLevel, Candle, Fees

D = Decimal
RULES = Instrument(
    symbol="BTCUSD", base="BTC", quote="USD", amount_step=D("1e-8"), price_step=D("0.01"),
    minimum=D("0.00001"),
)  # fmt: skip
BOOK = {
    "bids": [{"price": f"{99 - n}.37", "amount": "0.7"} for n in range(5)],
    "asks": [{"price": f"{100 + n}.13", "amount": "0.9"} for n in range(5)],
}


class Desk:
    """A paper trader's process over a journal that outlives it."""

    def __init__(self, journal: MemoryJournal) -> None:
        who = Identity(bot="btc", symbol="BTCUSD", mode="Paper")
        self.journaled = JournaledLedger(journal, MemoryPublisher(Random(1)), who, lambda: 7)
        self.journaled.open()
        ledger = self.journaled.ledger
        base, quote = (ledger.base, ledger.quote) if ledger.known else (D(3), D(1000))
        rest = GeminiRest(
            "http://venue",
            transport=httpx.MockTransport(lambda _: httpx.Response(200, json=BOOK)),
        )
        self.account = PaperAccount(
            rest, RULES, fees=lambda: FEES.first, base=base, quote=quote, now=lambda: 7
        )
        for placed in (*ledger.unresolved(), *ledger.resting()):
            self.account.restore(placed)
        self.executor = Executor(self.journaled, self.account, lambda: True, self.sleep)
        self.reconciler = Reconciler(
            self.journaled, self.account, self.executor,
            symbol="BTCUSD", currencies=("BTC", "USD"), sleep=self.sleep,
        )  # fmt: skip

    async def sleep(self, _seconds: float) -> None:
        """Takes no time."""

    async def reconcile(self) -> Outcome:
        return await self.reconciler.run(mid=D(100), now=7)

    def intent(self, side: Side, amount: Decimal) -> Intent:
        price = D(200) if side == "buy" else D(1)
        return self.journaled.intent(
            side, amount, price, mid=D(100), window_end=60_000, name="d", minimum=D(0)
        )


@given(
    side=st.sampled_from(["buy", "sell"]),
    amount=st.decimals(min_value="0.00001", max_value=3, places=8),
    kept=st.integers(0, 6),
)
async def test_wherever_a_paper_order_s_entries_end_the_next_trader_agrees_with_its_books(
    side: Side, amount: Decimal, kept: int
) -> None:
    journal = MemoryJournal(Random(1))
    before = Desk(journal)
    await before.journaled.record(EpochTaken(epoch=1, mode="Paper"))
    await before.reconcile()
    written = len(journal.lines)
    assert await before.executor.execute(before.intent(side, amount))
    del journal.lines[written + 1 + kept :]
    whole = before.journaled.ledger
    after = Desk(journal)
    heard = after.journaled.ledger.orders["tb-btc-1-1"].order.order_ids
    outcome = await after.reconcile()
    ledger = after.journaled.ledger
    assert outcome.certain and not ledger.unresolved()
    assert (outcome.outside_base, outcome.outside_quote) == (0, 0)
    if heard:
        assert ledger.base == whole.base
        assert abs(ledger.quote - whole.quote) < D("1e-18")
    else:
        assert (ledger.base, ledger.quote) == (3, 1000), "what nothing was heard of was not done"


async def test_a_paper_intent_alone_was_never_placed() -> None:
    journal = MemoryJournal(Random(1))
    before = Desk(journal)
    await before.journaled.record(EpochTaken(epoch=1, mode="Paper"))
    await before.reconcile()
    await before.journaled.record(Intended(intent=before.intent("buy", D(1))))
    after = Desk(journal)
    assert (await after.reconcile()).certain
    assert after.journaled.ledger.base == 3


# What a paper order meets.


class Market:
    """A venue whose book the test sets; `asked` counts the reads."""

    def __init__(self) -> None:
        self.asks = [BookLevel(D(100), D(1)), BookLevel(D(101), D(2))]
        self.asked = 0

    async def book(self, symbol: str) -> Book:
        self.asked += 1
        return Book(bids=[BookLevel(D(99), D(1))], asks=self.asks)


def on_paper(market: Market, fee_bps: list[int] | None = None, **more: Any) -> PaperAccount:
    bps = fee_bps or [0]

    def fees() -> Fees:
        return Fees(maker_bps=D(0), taker_bps=D(bps[-1]))

    return PaperAccount(
        market,  # type: ignore[arg-type]
        RULES, fees=fees, base=D(10), quote=D(10_000), now=lambda: 7, **more,
    )  # fmt: skip


def a_buy(number: int, amount: str, price: str = "101") -> Intent:
    return Intent(
        client_order_id=f"tb-btc-1-{number}",
        epoch=1,
        number=number,
        decision_id="d",
        symbol="BTCUSD",
        side="buy",
        amount=D(amount),
        price=D(price),
        mid=D(100),
        window_end=60_000,
        created=7,
    )


async def test_a_paper_order_finds_only_what_earlier_ones_left() -> None:
    account = on_paper(Market())
    first = await account.place(a_buy(1, "0.6"))
    second = await account.place(a_buy(2, "1"))
    third = await account.place(a_buy(3, "9"))
    assert [(t.price, t.amount) for t in first.trades] == [(100, D("0.6"))]
    assert [(t.price, t.amount) for t in second.trades] == [(100, D("0.4")), (101, D("0.6"))]
    assert third.executed == D("1.4")
    assert (await account.place(a_buy(4, "1"))).executed == 0


async def test_what_paper_took_is_there_again_once_the_level_has_gone_or_grown() -> None:
    market = Market()
    account = on_paper(market)
    await account.place(a_buy(1, "1", "100"))
    market.asks = [BookLevel(D(100), D("1.5"))]
    assert (await account.place(a_buy(2, "1", "100"))).executed == D("0.5")
    market.asks = [BookLevel(D(101), D(1))]
    await account.place(a_buy(3, "1", "100"))
    market.asks = [BookLevel(D(100), D(1))]
    assert (await account.place(a_buy(4, "1", "100"))).executed == 1


async def test_a_paper_order_fills_on_the_book_of_when_it_arrives() -> None:
    market = Market()

    async def on_the_way(seconds: float) -> None:
        assert (seconds, market.asked) == (0.25, 0)
        market.asks = [BookLevel(D(102), D(1))]

    account = on_paper(market, latency=0.25, sleep=on_the_way)
    assert (await account.place(a_buy(1, "1", "103"))).average == 102


async def test_a_paper_order_pays_the_fee_of_the_account_s_own_tier() -> None:
    fee = [40]
    account = on_paper(Market(), fee)
    [dear] = (await account.place(a_buy(1, "0.5"))).trades
    fee.append(10)
    [cheap] = (await account.place(a_buy(2, "0.5"))).trades
    assert (dear.fee, cheap.fee) == (D("0.2"), D("0.05"))
    assert (await account.fees()).taker_bps == 10


def test_fixed_fees_replace_the_venue_s_table_on_paper_alone() -> None:
    fixed = {"paper_maker_bps": D(1), "paper_taker_bps": D("2.5")}
    keys = {"mode": "Live", "api_key_file": "/k", "api_secret_file": "/s"}
    assert fees_of(TraderSettings()) == FEES
    assert fees_of(TraderSettings(**keys, **fixed)) == FEES  # type: ignore[arg-type]
    paper = fees_of(TraderSettings(**fixed))  # type: ignore[arg-type]
    assert paper.at(D(10**9)) == Fees(maker_bps=D(1), taker_bps=D("2.5"))


def test_the_volume_that_sets_the_tier_is_that_of_thirty_days() -> None:
    day = 86_400_000
    account = Account()
    for number, at in enumerate((0, 5 * day, 30 * day)):
        fill = Fill(
            trade_id=number, price=D(100), amount=D(1), fee=D(0), fee_currency="USD", taker=True,
            ts=at,
        )  # fmt: skip
        traded = Traded(side="buy", fill=fill, fee_in_base=False, name="d", mid=D(100))
        account = fold.booked(account, traded)
    assert [fold.volume(account, at) for at in (30 * day - 1, 30 * day, 35 * day)] == [
        300,
        200,
        100,
    ]


# A stop on paper.


class Trades(Market):
    """A market with trades and minutes that the test sets."""

    def __init__(self) -> None:
        super().__init__()
        self.trades: list[TradeRecord] = []
        self.lows: list[tuple[int, float]] = []
        self.bid = BookLevel(D(99), D(1))

    def trade(self, price: str, ts: int = 10) -> None:
        number = len(self.trades) + 1
        self.trades.append(TradeRecord("BTCUSD", number, price, "1", "bid", ts))

    async def book(self, symbol: str) -> Book:
        return Book(bids=[self.bid], asks=self.asks)

    async def trades_since(self, symbol: str, tid: int) -> list[TradeRecord]:
        return [trade for trade in self.trades if trade.tid > tid]

    async def minutes(self, symbol: str) -> list[Candle]:
        return [Candle(ts, low, low, low, low, 1.0) for ts, low in self.lows]


def a_stop(amount: str = "1") -> Intent:
    return replace(a_buy(1, amount, "90"), side="sell", stop=D(95), reduces=True)


async def test_a_paper_stop_rests_reserves_its_base_and_is_cancelled() -> None:
    market = Trades()
    account = on_paper(market)
    placed = await account.place(a_stop())
    assert placed.live and await account.live_orders() == [placed]
    assert (await account.balances())[0].available == 9
    ended = await account.cancel(placed.order_id)
    assert (ended.live, ended.reason, ended.executed) == (False, "Requested", 0)
    assert not await account.live_orders() and (await account.balances())[0].available == 10


async def test_a_paper_stop_sells_what_the_book_takes_once_a_trade_reaches_it() -> None:
    market = Trades()
    account = on_paper(market)
    placed = await account.place(a_stop("1.5"))
    market.trade("95.01")
    assert (await account.order(placed.order_id)).executed == 0
    market.trade("95")
    market.bid = BookLevel(D(94), D(1))
    part = await account.order(placed.order_id)
    assert (part.executed, part.average, part.live) == (1, 94, True)
    market.bid = BookLevel(D(93), D(1))
    whole = await account.order(placed.order_id)
    assert (whole.executed, whole.live) == (D("1.5"), False)
    assert len({trade.tid for trade in whole.trades}) == 2


async def test_a_paper_stop_does_not_sell_below_its_limit() -> None:
    market = Trades()
    account = on_paper(market)
    placed = await account.place(a_stop())
    market.trade("80")
    market.bid = BookLevel(D(80), D(9))
    assert (await account.order(placed.order_id)).live


@pytest.mark.parametrize("seen", ["minute", "trade"])
async def test_a_paper_stop_that_was_reached_while_nobody_ran_fills_at_the_next_start(
    seen: str,
) -> None:
    market, intent = Trades(), a_stop()
    told = Told(order_id="paper-1-1", executed=D(0), average=D(0), closed=False)
    order = apply_event(Order(side="sell", price=D(90), original=D(1)), told)
    if seen == "minute":
        market.lows = [(0, 50.0), (60_000, 94.0)]
    else:
        market.trade("94", ts=8)
    account = on_paper(market)
    account.restore(Placed(intent, order))
    (found,) = await account.find(intent.client_order_id)
    assert (found.executed, found.average, found.live) == (1, 95, False), "never above its stop"


async def test_what_was_traded_before_a_paper_stop_does_not_trigger_it() -> None:
    market = Trades()
    market.trade("50", ts=6)
    market.lows = [(0, 50.0)]
    account = on_paper(market)
    placed = await account.place(a_stop())
    assert (await account.order(placed.order_id)).executed == 0
