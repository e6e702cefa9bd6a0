"""The watch checks losses and exits with or without windows."""

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from soaks.floor import Floor, at_a_quiet_venue, holding
from soaks.orders import Soak
from venues.faulty import KilledError

from tradebot.domain.decision import Exits
from tradebot.records import DocType, TradeRecord, encode
from tradebot.trader.journal.entries import Intended, Watched
from tradebot.trader.journal.store import decode
from tradebot.venue.errors import VenueError
from tradebot.venue.port import Ticker

D = Decimal
STOP = Exits(stop_loss=D("0.05"), max_slippage_bps=300)


class Message:
    """A record of the topic of trades, as far as `LastTrade` reads it."""

    def __init__(self, price: str, ts: int, symbol: str = "BTCUSD") -> None:
        self._value = encode(TradeRecord(symbol, 1, price, "1", "bid", ts))

    def value(self) -> bytes:
        return self._value


def trade(desk: Soak, price: str, *, ahead_ms: int = 0, symbol: str = "BTCUSD") -> None:
    now = desk.clock.now()
    desk.trades.take(Message(price, now + ahead_ms, symbol), now)  # type: ignore[arg-type]


def move(floor: Floor, price: str | Decimal, depth: str = "50") -> None:
    """Moves the market; the venue's time advances by five seconds."""
    floor.bids, floor.ask = [(D(price), D(depth))], D(price) + 1
    floor.desk.venue.now += 5000
    floor.desk.clock.observe(floor.desk.venue.now)


async def test_without_windows_or_trades_a_stop_loss_sells_by_the_venue_s_prices() -> None:
    desk, floor = await holding(STOP)
    move(floor, 9600)
    await desk.watch.look()
    assert not floor.sent[1:] and desk.venue.base == 1
    move(floor, 9400)
    await desk.watch.look()
    assert desk.venue.base == 0
    assert desk.engine.state().position is None


@pytest.mark.parametrize("stopped", ["halt", "pause"])
async def test_the_watch_continues_while_decisions_are_held(stopped: str) -> None:
    desk, floor = await holding(STOP)
    if stopped == "halt":
        await desk.engine.halt("a limit")
    else:
        await desk.acts.pause("lunch", "a person")
    move(floor, 9400)
    await desk.watch.look()
    assert desk.venue.base == 0


async def test_a_loss_limit_halts_between_windows_and_flattens_where_the_owner_wants_that() -> None:
    desk, floor = await holding(Exits(), max_drawdown=D("0.0001"), on_breach="Flatten")
    move(floor, 10_000)
    desk.venue.now += 60_000  # long enough for a check to set the marks
    desk.clock.observe(desk.venue.now)
    await desk.watch.look()
    assert not desk.journaled.ledger.halted and desk.journaled.ledger.marks is not None
    move(floor, 9900)
    await desk.watch.look()
    assert "below its peak" in desk.journaled.ledger.halted
    assert desk.venue.base == 0


async def test_a_fresh_trade_that_says_all_is_well_spares_the_venue_a_call() -> None:
    desk, floor = await holding(STOP)
    asked = 0
    ticker = desk.venue.ticker

    async def counted() -> Ticker:
        nonlocal asked
        asked += 1
        return await ticker()

    desk.venue.ticker = counted  # type: ignore[method-assign]
    move(floor, 9800)
    trade(desk, "9800.5")
    await desk.watch.look()
    assert asked == 0
    desk.venue.now += 15_001
    desk.clock.observe(desk.venue.now)
    await desk.watch.look()
    assert asked == 1, "the trade is too old to watch by"


async def test_a_trade_alone_sells_nothing_since_a_record_can_be_wrong() -> None:
    desk, floor = await holding(STOP)
    move(floor, 10_000)
    trade(desk, "1")
    await desk.watch.look()
    assert desk.venue.base == 1, "the venue's own prices say that all is well"
    move(floor, 9400)
    trade(desk, "9400")
    await desk.watch.look()
    assert desk.venue.base == 0


@pytest.mark.parametrize(
    ("price", "ahead_ms", "symbol"),
    [("9.9e999999", 0, "BTCUSD"), ("NaN", 0, "BTCUSD"), ("-1", 0, "BTCUSD"), ("x", 0, "BTCUSD"),
     ("9800", 10**9, "BTCUSD"), ("9800", 0, "ETHUSD")],
)  # fmt: skip
async def test_a_trade_that_cannot_be_true_is_not_watched_by(
    price: str, ahead_ms: int, symbol: str
) -> None:
    desk, _ = await holding(STOP)
    trade(desk, "9999")
    trade(desk, price, ahead_ms=ahead_ms, symbol=symbol)
    if price != "9.9e999999":
        assert desk.trades.price(desk.clock.now()) == D(9999)
    await desk.watch.look()
    assert desk.venue.base == 1


async def test_a_trailing_stop_remembers_the_highest_look_over_a_crash() -> None:
    desk, floor = await holding(Exits(trailing_stop=D("0.05")))
    move(floor, 11_000)
    await desk.watch.look()
    await desk._restart()
    await desk.engine.reconcile()
    move(floor, 10_440)
    await desk.watch.look()
    assert desk.venue.base == 0, "5 % below 11,000"


async def test_a_quiet_watch_writes_one_entry_a_minute_and_none_while_windows_come() -> None:
    desk, floor = await holding(STOP)
    await desk.watch.look()
    before = len(desk.journal.lines)
    for _ in range(24):
        move(floor, 10_000)
        await desk.watch.look()
    written = [decode(line).body for line in desk.journal.lines[before:]]
    assert [type(body) for body in written] == [Watched, Watched]


async def test_an_exit_between_windows_is_a_decision_with_a_name_and_a_document_of_its_own() -> (
    None
):
    desk, floor = await holding(STOP)
    move(floor, 9400)
    await desk.watch.look()
    await desk.journaled.flush()
    kinds = (DocType.DECISION, DocType.ORDER)
    found = [d for d in desk.publisher.delivered_documents if d.doc_type in kinds]
    exits = [d for d in found if d.body["decision_id"].startswith("btc-exit-")]
    assert {d.doc_type for d in exits} == set(kinds)
    assert [d.body["exit"] for d in exits if d.doc_type == DocType.DECISION] == ["stop_loss"]


async def test_a_silent_venue_ends_no_watch_and_a_flatten_is_tried_at_every_look() -> None:
    desk = await at_a_quiet_venue()
    floor = Floor(desk, [], ask=D(10_001), last=D(10_000))
    told = await desk.acts.flatten("out", "a person")
    assert "is not sold yet" in told
    ticker = desk.venue.ticker

    async def silent() -> Ticker:
        raise VenueError("Timeout", "no answer")

    desk.venue.ticker = silent  # type: ignore[method-assign]
    await desk.watch.look()
    desk.venue.ticker = ticker  # type: ignore[method-assign]
    move(floor, 9990)
    await desk.watch.look()
    assert desk.venue.base == 0
    assert not desk.journaled.ledger.flattening


# Any path of prices.

falls = st.lists(st.integers(-400, 300), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(path=falls, spread=st.integers(1, 90))
async def test_the_loss_is_within_stop_step_and_slippage_on_any_path(
    path: list[int], spread: int
) -> None:
    desk, floor = await holding(STOP)
    paid = desk.engine.state().position
    assert paid is not None
    price, start = D(10_000), desk.venue.quote
    for bps in path:
        before, price = price, price * (1 + D(bps) / 10_000)
        move(floor, price.quantize(D("0.01")))
        floor.ask = floor.bids[0][0] + spread
        await desk.watch.look()
        mid = floor.bids[0][0] + D(spread) / 2 if floor.bids else D(0)
        if not desk.venue.base:
            step = max(D(0), 1 - price / before)
            kept = (desk.venue.quote - start) / paid.cost
            half = D(spread) / 2 / mid
            assert kept >= (1 - D("0.05")) * (1 - step) * (1 - half) * (1 - D("0.005"))
            return
        assert mid > paid.entry * D("0.95"), "a look at or below the stop sells"


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), path=falls)
async def test_whatever_fails_nothing_is_sold_twice_and_the_position_ends_as_dust(
    seed: int, path: list[int]
) -> None:
    desk, floor = await holding(STOP)
    desk.venue.dice.seed(seed)
    desk.venue.rate = 0.4
    price = D(9000)
    for bps in [0, *path]:
        price = price * (1 + D(bps) / 10_000)
        move(floor, min(price, D(9300)).quantize(D("0.01")), depth="0.3")
        desk.venue.pass_time(1000)
        try:
            await desk.watch.look()
        except KilledError:
            desk.publisher.killed()
            await _started(desk)
    desk.venue.rate = 0.0
    desk.venue.pass_time(600_000)
    for _ in range(8):
        await desk.engine.reconcile()
        move(floor, 9000, depth="0.3")
        await desk.watch.look()
    assert desk.venue.base < D("0.00001")
    assert not desk.journaled.ledger.halted
    orders = Counter(order.intent.client_order_id for order in desk.venue.orders)
    assert max(orders.values()) == 1, "one intent makes at most one order"
    written = map(decode, (*desk.journal.forgotten, *desk.journal.lines))
    intents = {e.body.intent.client_order_id for e in written if isinstance(e.body, Intended)}
    assert set(orders) <= intents
    sold = sum((o.executed for o in desk.venue.orders if o.intent.side == "sell"), D(0))
    assert sold <= 1


async def _started(desk: Soak) -> None:
    while True:
        try:
            await desk._restart()
            await desk.engine.reconcile()
        except VenueError:
            return
        except KilledError:
            desk.publisher.killed()
        else:
            return
