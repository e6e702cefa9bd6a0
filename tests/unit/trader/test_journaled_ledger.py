"""The journal, the ledger folded from it, and the documents that follow."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from tradebot.domain.account.trip import holds
from tradebot.domain.intent import Intent, OrderName, is_of, read_name
from tradebot.domain.order_state import Broken, Fill, Filled, Refused, Told, Unplaced
from tradebot.domain.situation import Marks
from tradebot.records import DocType, Document
from tradebot.trader.journal.documents import Identity
from tradebot.trader.journal.entries import (
    Balanced,
    Body,
    Decided,
    Entry,
    EpochTaken,
    Halted,
    Intended,
    OrderEvent,
    Paused,
    Resumed,
)
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.ledger import Ledger, apply
from tradebot.trader.journal.store import JournalError, SqliteJournal

D = Decimal
WHO = Identity(bot="btc", symbol="BTCUSD", mode="Live")


def intent(number: int = 1, side: str = "buy", amount: str = "1", price: str = "100") -> Intent:
    return Intent(
        client_order_id=f"tb-btc-1-{number}",
        epoch=1,
        number=number,
        decision_id=f"btc-{number}",
        symbol="BTCUSD",
        side=side,  # type: ignore[arg-type]
        amount=D(amount),
        price=D(price),
        mid=D(99),
        window_end=number * 60_000,
        created=number * 60_000,
    )


def fill(trade_id: int, price: str, amount: str, fee: str = "0") -> Fill:
    return Fill(
        trade_id=trade_id,
        price=D(price),
        amount=D(amount),
        fee=D(fee),
        fee_currency="USD",
        taker=True,
        ts=trade_id * 1000,
    )


def event(number: int, what: Fill | Told | Refused | Unplaced) -> OrderEvent:
    heard = Filled(order_id=str(number), fill=what) if isinstance(what, Fill) else what
    return OrderEvent(client_order_id=f"tb-btc-1-{number}", event=heard)


def balanced(base: str, quote: str, outside: tuple[str, str] = ("0", "0")) -> Balanced:
    return Balanced(
        base=D(base),
        quote=D(quote),
        outside_base=D(outside[0]),
        outside_quote=D(outside[1]),
        mid=D(100),
        trades_to=0,
    )


def folded(*bodies: Body) -> Ledger:
    ledger = Ledger()
    for body in bodies:
        ledger = apply(ledger, body)
    return ledger


# Names.


@pytest.mark.parametrize("bot", ["btc", "my-bot-2", "a", "7-1-2"])
def test_a_client_order_id_contains_bot_epoch_and_number(bot: str) -> None:
    name = OrderName(bot, 12, 345)
    assert read_name(str(name)) == name
    assert len(str(name)) < 100


@pytest.mark.parametrize("text", ["", "470135", "tb-btc", "tb-btc-1", "x-btc-1-2", "tb--1-2x"])
def test_other_client_order_ids_are_not_ours(text: str) -> None:
    assert read_name(text) is None


def test_an_order_is_an_intent_s_only_if_all_that_never_changes_agrees() -> None:
    same = {
        "client_order_id": "tb-btc-1-1",
        "symbol": "btcusd",
        "side": "buy",
        "price": D("100.00"),
        "original": D("1.0"),
    }
    assert is_of(intent(), **same)  # type: ignore[arg-type]
    others = {
        "client_order_id": "tb-btc-1-2",
        "symbol": "ethusd",
        "side": "sell",
        "price": D(101),
        "original": D(2),
    }
    for field, value in others.items():
        assert not is_of(intent(), **(same | {field: value}))  # type: ignore[arg-type]


# The ledger.


def test_fills_move_balances_and_fees_come_off_the_quote() -> None:
    ledger = folded(
        balanced("0", "1000"),
        Intended(intent=intent()),
        event(1, fill(1, "100", "0.4", "0.16")),
        event(1, fill(2, "101", "0.6", "0.24")),
    )
    assert (ledger.base, ledger.quote) == (D(1), D("1000") - D("100.6") - D("0.40"))
    assert holds(ledger.trip, D("0.00001"))


def test_a_fill_received_twice_moves_nothing() -> None:
    once = folded(balanced("0", "1000"), Intended(intent=intent()), event(1, fill(1, "100", "1")))
    assert apply(once, event(1, fill(1, "100", "1"))) is once


def test_a_round_trip_is_scored_with_its_fees_when_all_is_sold() -> None:
    ledger = folded(
        balanced("0", "1000"),
        Intended(intent=intent(1)),
        event(1, fill(1, "100", "1", "0.4")),
        Intended(intent=intent(2, "sell")),
        event(2, fill(2, "110", "0.5", "0.22")),
    )
    assert holds(ledger.trip, D("0.00001")), "half of it is still held"
    closed = apply(ledger, event(2, fill(3, "110", "0.5", "0.22")))
    assert closed.realised == D(10) - D("0.4") - D("0.44")
    assert (closed.trips, closed.trip, holds(closed.trip, D("0.00001"))) == (1, None, False)


@pytest.mark.parametrize(
    ("moved", "down"),
    [
        (("0", "190"), "0.05"),
        (("0", "9950"), "0.05"),
        (("10", "950"), "0.05"),
    ],
    ids=["a withdrawal", "a deposit", "a deposit of base"],
)
def test_deposits_and_withdrawals_keep_the_loss_as_a_share_of_equity(
    moved: tuple[str, str], down: str
) -> None:
    before = folded(
        balanced("0", "1000"),
        Decided(window_end=60_000, action="hold", gate="", equity=D(1000)),
        balanced("0", "950", outside=("0", "-50")),
    )
    fallen = msgspec.structs.replace(
        before, marks=Marks(day=0, day_equity=D(1000), peak_equity=D(1000))
    )
    base, quote = D(moved[0]), D(moved[1])
    after = apply(
        fallen, balanced(moved[0], moved[1], outside=(str(base), str(quote - fallen.quote)))
    )
    assert after.marks is not None
    equity = after.quote + after.base * 100
    assert 1 - equity / after.marks.day_equity == 1 - equity / after.marks.peak_equity == D(down)


def test_trades_of_others_move_equity_and_leave_the_marks() -> None:
    ledger = folded(
        balanced("0", "100000"),
        Decided(window_end=60_000, action="hold", gate="", equity=D(100_000)),
        Balanced(
            base=D(1),
            quote=D(80_000),
            outside_base=D(1),
            outside_quote=D(-20_000),
            mid=D(10_000),
            trades_to=0,
            outside_trades=(1,),
            traded_base=D(1),
            traded_quote=D(-20_000),
            traded_at=55_000,
        ),
    )
    assert ledger.marks is not None
    assert (ledger.marks.day_equity, ledger.marks.peak_equity) == (D(100_000), D(100_000))
    assert (ledger.outside_base, ledger.outside_quote) == (D(1), D(-20_000))
    assert ledger.outside_traded == 55_000


def test_refused_orders_do_not_count_as_orders_of_the_hour() -> None:
    sent = folded(balanced("1", "0"), Intended(intent=intent(1, "sell")))
    assert sent.orders_at == (60_000,)
    assert apply(sent, event(1, Refused(reason="MarketNotOpen"))).orders_at == ()
    lost = apply(sent, event(1, Unplaced(reason="never sent")))
    assert lost.orders_at == ()
    found = apply(lost, event(1, Told(order_id="1", executed=D(0), average=D(0), closed=True)))
    assert found.orders_at == (60_000,), "the venue had taken it after all"


def test_a_trade_that_the_venue_breaks_leaves_balances_and_trip() -> None:
    one, two = fill(1, "100", "0.4", "0.16"), fill(2, "101", "0.6", "0.24")
    whole = folded(balanced("0", "1000"), Intended(intent=intent()), event(1, one), event(1, two))
    taken_back = apply(
        whole, OrderEvent(client_order_id="tb-btc-1-1", event=Broken(order_id="1", fill=one))
    )
    alone = folded(balanced("0", "1000"), Intended(intent=intent()), event(1, two))
    assert (taken_back.base, taken_back.quote) == (alone.base, alone.quote)
    assert taken_back.trip == alone.trip
    assert taken_back.unresolved() == [], "what was executed is not executed again"
    assert apply(taken_back, event(1, one)) is taken_back, "it is not booked again"


def test_base_that_others_take_away_leaves_the_trip_so_that_the_bot_can_buy_again() -> None:
    bought = folded(
        balanced("0", "1000"),
        Intended(intent=intent()),
        event(1, fill(1, "100", "1", "0.4")),
    )
    half = apply(bought, balanced("0.5", "899.6", outside=("-0.5", "0")))
    assert half.trip is not None
    assert (half.trip.open_amount, half.trip.cost, half.trip.fees_in) == (D("0.5"), 50, D("0.2"))
    none = apply(bought, balanced("0", "899.6", outside=("-1", "0")))
    assert (none.trip, holds(none.trip, D("0.00001")), none.realised) == (None, False, 0)


def test_a_halt_stays_until_a_person_lifts_it_and_losses_are_measured_afresh() -> None:
    halted = folded(
        Decided(window_end=60_000, action="hold", gate="", equity=D(1000)),
        Halted(reason="loss"),
        EpochTaken(epoch=2, mode="Live"),
        Decided(window_end=120_000, action="hold", gate="halt", equity=D(900)),
    )
    assert halted.halted == "loss"
    resumed = apply(halted, Resumed(because="seen", by="ann"))
    assert (resumed.halted, resumed.paused, resumed.marks) == ("", "", None)


def test_real_money_starts_with_books_of_its_own() -> None:
    paper = folded(
        EpochTaken(epoch=1, mode="Paper"),
        balanced("5", "1000"),
        Intended(intent=intent(7)),
        Paused(because="careful", by="ann"),
    )
    live = apply(paper, EpochTaken(epoch=2, mode="Live"))
    assert (live.base, live.known, live.orders) == (D(0), False, {})
    assert (live.number, live.paused) == (7, "careful"), "numbers and a person's word go on"


def test_orders_whose_fate_is_open_are_never_forgotten() -> None:
    ledger = folded(balanced("0", "1000"), Intended(intent=intent(1)))
    for number in range(2, 900):
        ledger = apply(ledger, Intended(intent=intent(number)))
        ledger = apply(ledger, event(number, Refused(reason="no")))
    assert len(ledger.orders) <= 401
    assert [placed.intent.number for placed in ledger.unresolved()] == [1]


# Journal and ledger.


async def _record(path: Path, bodies: list[Body]) -> list[Document]:
    heard = Heard()
    journal = SqliteJournal(path)
    journaled = JournaledLedger(journal, heard, WHO, lambda: 5)
    journaled.open()
    for body in bodies:
        await journaled.record(body)
    journal.close()
    return heard.documents


class Heard:
    """A publisher that delivers at once, or never."""

    def __init__(self, *, delivers: bool = True) -> None:
        self.documents: list[Document] = []
        self.first: int | None = None
        self.delivers = delivers

    def send(self, documents: tuple[Document, ...], number: int = 0) -> None:
        self.documents += documents
        if documents and self.first is None:
            self.first = number

    def delivered(self, last: int) -> int:
        return last if self.delivers or self.first is None else self.first - 1

    async def flush(self) -> None:
        """Does nothing."""


async def test_a_restart_reads_the_same_books_from_the_journal(tmp_path: Path) -> None:
    bodies: list[Body] = [
        EpochTaken(epoch=1, mode="Live"),
        balanced("0", "1000"),
        Intended(intent=intent()),
        event(1, fill(1, "100", "1")),
        Halted(reason="loss"),
    ]
    await _record(tmp_path / "j.sqlite", bodies)
    journaled = JournaledLedger(SqliteJournal(tmp_path / "j.sqlite"), Heard(), WHO, lambda: 5)
    assert journaled.open() == len(bodies)
    assert journaled.ledger == folded(*bodies)


async def test_documents_follow_balances_orders_fills_scores_and_halts(tmp_path: Path) -> None:
    documents = await _record(
        tmp_path / "j.sqlite",
        [
            balanced("0", "1000"),
            Intended(intent=intent(1)),
            event(1, Told(order_id="1", executed=D(1), average=D(100), closed=True, ts=1)),
            event(1, fill(1, "100", "1", "0.4")),
            event(1, fill(1, "100", "1", "0.4")),
            Intended(intent=intent(2, "sell")),
            event(2, fill(2, "110", "1", "0.4")),
            Halted(reason="loss"),
            Resumed(because="seen", by="ann"),
        ],
    )
    kinds = [document.doc_type for document in documents]
    assert kinds == [
        DocType.BALANCE, DocType.BALANCE, DocType.ORDER,
        DocType.ORDER, DocType.FILL, DocType.BALANCE, DocType.BALANCE,
        DocType.ORDER, DocType.FILL, DocType.SCORE, DocType.BALANCE, DocType.BALANCE,
        DocType.HALT, DocType.HALT,
    ]  # fmt: skip
    orders = [document for document in documents if document.doc_type == DocType.ORDER]
    assert orders[0].id == orders[1].id != orders[2].id
    assert (orders[1].body["order_id"], orders[1].body["state"]) == ("1", "filled")
    score = next(one.body for one in documents if one.doc_type == DocType.SCORE)
    assert (score["score"], score["fees"], score["amount"]) == (9.2, 0.8, 1.0)
    assert documents[-1].body["because"] == "seen"


async def test_documents_that_were_not_delivered_are_sent_again_at_the_start(
    tmp_path: Path,
) -> None:
    lost = Heard(delivers=False)
    journal = SqliteJournal(tmp_path / "j.sqlite")
    journaled = JournaledLedger(journal, lost, WHO, lambda: 5)
    for body in (Halted(reason="one"), Resumed(because="b", by="p"), Halted(reason="two")):
        await journaled.record(body)
    journal.close()
    again = Heard()
    JournaledLedger(SqliteJournal(tmp_path / "j.sqlite"), again, WHO, lambda: 5).open()
    assert [d.id for d in again.documents] == [d.id for d in lost.documents]


async def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    first, second = SqliteJournal(path), SqliteJournal(path)
    entry = Entry(number=1, epoch=1, ts=0, published=0, body=Halted(reason="r"))
    await first.append(entry)
    with pytest.raises(JournalError, match="another trader writes to it"):
        await second.append(entry)


async def test_a_journal_that_lost_lines_is_not_traded_from(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.sqlite")
    for number in (1, 2, 4):
        await journal.append(
            Entry(number=number, epoch=1, ts=0, published=0, body=Halted(reason="r"))
        )
    with pytest.raises(JournalError, match="lacks entries before 4"):
        JournaledLedger(journal, Heard(), WHO, lambda: 5).open()


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    path.write_bytes(b"not a database, but long enough to look at" * 50)
    with pytest.raises(JournalError, match=r"cannot use the journal .*j\.sqlite"):
        SqliteJournal(path)
