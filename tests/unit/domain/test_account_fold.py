"""One fold of the account: the same fills give the same state everywhere."""

from decimal import Decimal

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.backtest.costs import Costs, flat
from tradebot.backtest.replay import settled
from tradebot.backtest.report_rule import ReportRule
from tradebot.domain.account import fold
from tradebot.domain.account.fold import Account
from tradebot.domain.account.position import Position
from tradebot.domain.account.trip import Traded, paid_in_base
from tradebot.domain.decision import Decision
from tradebot.domain.intent import Intent
from tradebot.domain.money import Side
from tradebot.domain.order_state import Fill, Filled
from tradebot.domain.situation import Settings, State
from tradebot.history.arrays import Bars, Predictions
from tradebot.strategies import Execution
from tradebot.trader.journal.documents import Identity, consequences
from tradebot.trader.journal.entries import Balanced, Intended, OrderEvent, Snapshot
from tradebot.trader.journal.ledger import Ledger, apply

D = Decimal
MINIMUM = D("0.00001")
NOTHING = State(base=D(0), quote=D(0))
WHO = Identity(bot="btc", symbol="BTCUSD", mode="Live")


class Sent(msgspec.Struct, frozen=True):
    """An order and its fills."""

    side: Side
    fills: tuple[Fill, ...]


def traded(side: Side, number: int, amount: str, price: str = "100", fee: str = "0") -> Traded:
    fill = Fill(
        trade_id=number,
        price=D(price),
        amount=D(amount),
        fee=D(fee),
        fee_currency="USD",
        taker=True,
        ts=number * 1000,
    )
    return Traded(
        side=side,
        fill=fill,
        fee_in_base=False,
        name=f"trip-{number}",
        mid=D(price),
        minimum=MINIMUM,
    )


def folded(*fills: Traded, account: Account | None = None) -> Account:
    account = account or Account()
    for one in fills:
        account = fold.booked(account, one)
    return account


def bought(account: Account) -> bool:
    return fold.state_of(account, NOTHING, MINIMUM).bought


# What `bought` means.


def test_a_sell_that_filled_in_part_leaves_the_bot_bought() -> None:
    assert bought(folded(traded("buy", 1, "0.49945"), traded("sell", 2, "0.01")))


def test_a_buy_that_filled_less_than_the_smallest_order_does_not_make_it_bought() -> None:
    account = folded(traded("buy", 1, "0.000009"))
    assert not bought(account)
    assert bought(folded(traded("buy", 2, "0.000009"), account=account)), "dust adds up"


def test_a_position_has_what_was_paid_for_it_and_when_it_opened() -> None:
    account = folded(
        traded("buy", 1, "1", "100", "1"),
        traded("buy", 2, "1", "110", "1"),
        traded("sell", 3, "0.5", "120", "1"),
    )
    held = fold.position_of(fold.marked(account, 4, None, D(130)), MINIMUM)
    assert held == Position(
        amount=D("1.5"), cost=D("159.0"), opened_at=1000, high=D(130), low=D(100)
    )
    assert held.entry == D(106)


def test_the_high_of_a_position_starts_again_with_the_next_position() -> None:
    first = fold.marked(folded(traded("buy", 1, "1", "100")), 2, None, D(150))
    again = folded(traded("sell", 3, "1", "100"), traded("buy", 4, "1", "100"), account=first)
    held = fold.position_of(again, MINIMUM)
    assert held is not None
    assert (held.high, held.opened_at) == (D(100), 4000)


def test_a_buy_on_dust_opens_a_position_of_its_own_and_scores_the_trip_before() -> None:
    before = folded(traded("buy", 1, "1", "100"), traded("sell", 2, "0.999995", "110"))
    after = folded(traded("buy", 3, "1", "120"), account=before)
    assert (before.trips, after.trips) == (0, 1)
    assert after.realised == D("0.999995") * 10
    held = fold.position_of(after, MINIMUM)
    assert held is not None
    assert (held.amount, held.opened_at) == (D("1.000005"), 3000)


# The score.


def test_base_from_elsewhere_does_not_count_in_the_score() -> None:
    account = folded(traded("buy", 1, "1", "100", "0.4"), traded("sell", 2, "10", "110", "4.4"))
    assert account.ended is not None
    assert (account.ended.sold, account.ended.fees_out) == (D(1), D("0.44"))
    assert account.realised == D("9.16")
    assert folded(traded("sell", 2, "10", "110")).trips == 0


def test_slippage_is_measured_against_the_mids_of_the_decisions() -> None:
    buy = msgspec.structs.replace(traded("buy", 1, "2", "101"), mid=D(100))
    sell = msgspec.structs.replace(traded("sell", 2, "2", "108"), mid=D(110))
    ended = folded(buy, sell).ended
    assert ended is not None
    assert ended.slippage == 2 * D(1) + 2 * D(2)


def test_a_fee_in_base_is_taken_from_the_base_and_scored_at_the_fill_s_price() -> None:
    fee = {"fee_in_base": True}
    buy = msgspec.structs.replace(traded("buy", 1, "1", "100", "0.01"), **fee)
    account = folded(buy)
    assert (account.base, account.quote) == (D("0.99"), D(-100))
    held = fold.position_of(account, MINIMUM)
    assert held is not None
    assert (held.amount, held.cost) == (D("0.99"), D(100))
    sell = msgspec.structs.replace(traded("sell", 2, "0.98", "100", "0.01"), **fee)
    closed = folded(sell, account=account)
    assert (closed.base, closed.trips, closed.realised) == (D(0), 1, D(98) - D(100))


@pytest.mark.parametrize(
    ("symbol", "currency", "base"),
    [("BTCUSD", "BTC", True), ("btcusd", "usd", False), ("BTCUSDT", "USDT", False),
     ("SHIBUSD", "SHIB", True), ("BTCUSD", "GUSD", False), ("BTCUSD", "", False)],
)  # fmt: skip
def test_a_fee_is_in_base_only_if_its_currency_is_the_symbol_s_base(
    symbol: str, currency: str, base: bool
) -> None:
    assert paid_in_base(symbol, currency) is base


# The same fills, everywhere.


@st.composite
def histories(draw: st.DrawFn) -> list[Sent]:
    """Orders with fills: whole, in parts, dust, fees in either currency; trade ids rise."""
    found, number = [], 0
    for _ in range(draw(st.integers(1, 8))):
        side: Side = draw(st.sampled_from(["buy", "sell"]))
        currency = draw(st.sampled_from(["USD", "BTC"]))
        fills = []
        for _ in range(draw(st.integers(0, 3))):
            number += 1
            units = draw(st.sampled_from([1, 500, 999, 1000, 10**7, 10**8]))
            fee = D(draw(st.integers(0, 99)))
            fills.append(
                Fill(
                    trade_id=number,
                    price=D(draw(st.integers(9_000, 11_000))),
                    amount=units * D("0.00000001"),
                    fee=fee * D("0.01") if currency == "USD" else min(fee, units) * D("0.00000001"),
                    fee_currency=currency,
                    taker=True,
                    ts=number // 2 * 1000,  # some within one millisecond
                )
            )
        found.append(Sent(side, tuple(fills)))
    return found


def intent_of(number: int, side: Side) -> Intent:
    return Intent(
        client_order_id=f"tb-btc-1-{number}",
        epoch=1,
        number=number,
        decision_id=f"btc-{number}",
        symbol="BTCUSD",
        side=side,
        amount=D(1000),
        price=D(10_000),
        mid=D(10_000),
        window_end=number * 60_000,
        created=number,
        minimum=MINIMUM,
    )


START = Balanced(
    base=D(5), quote=D(50_000), outside_base=D(0), outside_quote=D(0), mid=D(0), trades_to=0
)


def intended(history: list[Sent]) -> Ledger:
    ledger = apply(Ledger(), START)
    for number, sent in enumerate(history, 1):
        ledger = apply(ledger, Intended(intent=intent_of(number, sent.side)))
    return ledger


def events_of(history: list[Sent]) -> list[OrderEvent]:
    return [
        OrderEvent(
            client_order_id=f"tb-btc-1-{number}", event=Filled(order_id=str(number), fill=fill)
        )
        for number, sent in enumerate(history, 1)
        for fill in sent.fills
    ]


def live(history: list[Sent], events: list[OrderEvent]) -> Ledger:
    ledger = intended(history)
    for event in events:
        ledger = apply(ledger, event)
    return ledger


def replayed(history: list[Sent]) -> Account:
    """Replays the documents that the trader wrote, each delivered twice."""
    ledger, bodies = intended(history), {}
    for event in events_of(history):
        before, ledger = ledger, apply(ledger, event)
        for document in consequences(WHO, before, ledger, event, ts=0, latency=None):
            bodies[document.id] = {**document.body, "ts": document.ts, "symbol": "BTCUSD"}
    account = Account(base=START.base, quote=START.quote)
    for number, sent in enumerate(history, 1):
        name = f"btc-{number}"
        mine = [body for body in bodies.values() if body.get("decision_id") == name]
        account = settled(
            account,
            window_end=number * 60_000,
            decision=decision(sent.side),
            order={"state": "filled"},
            fills=2 * [body for body in mine if "trade_id" in body],
            minimum=MINIMUM,
        )
    return account


def decision(side: Side) -> Decision:
    return Decision(action=side, signal=side, gate="", reason="", verdicts=(), mid=D(10_000))


class Still:
    """A market that opens a backtest's account and does nothing."""

    index, ts, close, step = 0, 0, 10_000.0, 60_000
    position, cash, live_orders = float(START.base), float(START.quote), ()


def backtested(history: list[Sent]) -> Account:
    """Passes the fills as the event engine does: as floats, and here twice."""
    nan, zero = np.array([np.nan]), np.zeros(1, np.int64)
    silent = Predictions(log_price=nan, log_price_next=nan, history_end=zero)
    bars = Bars(zero, nan, nan, nan, nan, nan, 60_000, None, {"FastProphet": silent})
    rule = ReportRule(bars, rules=Settings(), costs=COSTS)
    rule.on_bar(Still())  # type: ignore[arg-type]
    for sent in history:
        for fill in (*sent.fills, *sent.fills):
            rule.on_fill(
                Execution(
                    number=fill.trade_id,
                    ts=fill.ts,
                    side=1 if sent.side == "buy" else -1,
                    price=float(fill.price),
                    amount=float(fill.amount),
                    fee=float(fill.fee),
                )
            )
    assert rule.account is not None
    return rule.account


COSTS = Costs(tiers=flat(0), minimum=float(MINIMUM))


def seen(account: Account) -> tuple[object, ...]:
    state = fold.state_of(account, NOTHING, MINIMUM)
    return state.base, state.quote, state.bought, state.position, account.realised, account.trips


@settings(deadline=None)
@given(history=histories(), data=st.data())
def test_the_same_fills_give_the_same_state_to_ledger_replay_and_backtest(
    history: list[Sent], data: st.DataObject
) -> None:
    events = events_of(history)
    straight = live(history, events)
    mixed = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events)))
                                      if events else []))  # fmt: skip
    assert seen(live(history, list(mixed))) == seen(straight), "doubled and out of order"
    assert seen(replayed(history)) == seen(straight)
    if all(fill.fee_currency == "USD" for sent in history for fill in sent.fills):
        assert seen(backtested(history)) == seen(straight)


@settings(deadline=None)
@given(history=histories())
def test_more_fills_than_are_kept_give_the_same_state(history: list[Sent]) -> None:
    kept, fold.KEPT = fold.KEPT, 2  # type: ignore[misc]
    try:
        few = live(history, events_of(history))
    finally:
        fold.KEPT = kept  # type: ignore[misc]
    assert seen(few) == seen(live(history, events_of(history)))


# What was written before.


def test_a_snapshot_from_before_the_one_fold_is_read_and_folded_on() -> None:
    old = (
        '{"epoch":2,"mode":"Live","number":1,"base":"1","quote":"899.6","known":true,'
        '"outside_base":"0","outside_quote":"0","trades_to":1000,"outside_trades":[],"orders":{},'
        '"pending":[],"trip":{"trip_id":"btc-60000","opened":1000,"bought":"1","cost":"100",'
        '"fees_in":"0.4","entry_mids":"100","sold":"0","proceeds":"0","fees_out":"0",'
        '"exit_mids":"0","closed":0},"realised":"5","trips":3,"window_end":60000,'
        '"orders_at":[60000],"marks":{"day":0,"day_equity":"1000","peak_equity":"1000"},'
        '"halted":"","paused":""}'
    )
    ledger = apply(Ledger(), Snapshot(ledger=msgspec.Raw(old.encode())))
    held = fold.position_of(ledger, MINIMUM)
    assert held is not None
    assert (held.amount, held.cost, held.high) == (D(1), D("100.4"), D(100))
    closed = fold.booked(ledger, traded("sell", 2, "1", "110", "0.44"))
    assert (closed.base, closed.quote) == (D(0), D("1009.16"))
    assert (closed.trips, closed.realised) == (4, D(5) + D(10) - D("0.84"))


def test_replay_counts_neither_refused_orders_nor_broken_fills() -> None:
    fill = {
        "trade_id": "1", "price": 100.0, "amount": 1.0, "fee": 0.4, "fee_currency": "USD",
        "liquidity": "taker", "ts": 1, "side": "buy", "symbol": "BTCUSD", "decision_id": "d",
    }  # fmt: skip

    def after(order: str, *, broken: bool) -> Account:
        return settled(
            Account(),
            window_end=60_000,
            decision=decision("buy"),
            order={"state": order},
            fills=[{**fill, "broken": broken}],
            minimum=MINIMUM,
        )

    assert (after("filled", broken=False).base, after("filled", broken=True).base) == (1, 0)
    assert after("filled", broken=False).orders_at == (60_000,)
    assert after("rejected", broken=True).orders_at == ()
