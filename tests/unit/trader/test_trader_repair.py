"""Marks of the ledger that are in the future are shown, and reset by an entry of the journal."""

from decimal import Decimal

import msgspec
from click.testing import CliRunner

from tradebot.domain.situation import DAY_MS, Marks
from tradebot.trader.control import repair as command
from tradebot.trader.journal.entries import Decided, Entry, Repaired
from tradebot.trader.journal.ledger import Ledger, apply
from tradebot.trader.journal.repair import future_marks
from tradebot.trader.journal.store import decode, encode

NOW = 1_609_502_400_000
FAR = 4_070_908_800_000
LAG = 120_000


def poisoned() -> Ledger:
    marks = Marks(day=FAR // DAY_MS, day_equity=Decimal(1), peak_equity=Decimal(1))
    return Ledger(
        window_end=FAR, watched_at=NOW - 5, signal_at=FAR, orders_at=(NOW - 9, FAR), marks=marks
    )


def test_only_marks_in_the_future_are_found() -> None:
    found = {mark.name: mark.at for mark in future_marks(poisoned(), NOW, LAG)}
    day = FAR // DAY_MS * DAY_MS
    assert found == {"window_end": FAR, "signal_at": FAR, "orders_at": FAR, "marks.day": day}
    assert future_marks(Ledger(window_end=NOW + LAG), NOW, LAG) == []


def test_a_repair_sets_them_back_to_now_and_the_next_window_counts() -> None:
    body = Repaired(to=NOW, because="windows stamped 2099", by="ann")
    entry = decode(encode(Entry(number=1, epoch=1, ts=NOW, published=0, body=body)))
    after = apply(poisoned(), entry.body)
    assert future_marks(after, NOW, 0) == []
    assert (after.window_end, after.watched_at, after.orders_at) == (NOW, NOW - 5, (NOW - 9,))
    assert after.marks is None, "losses are measured afresh"
    decided = Decided(window_end=NOW + 60_000, action="hold", gate="", equity=None)
    assert apply(after, decided).window_end == NOW + 60_000


def test_a_repair_of_sound_books_changes_nothing() -> None:
    ledger = Ledger(window_end=NOW - 60_000, trades_to=NOW - 1)
    assert apply(ledger, Repaired(to=NOW, because="", by="")) == ledger


def test_the_command_acts_only_when_told_and_with_a_reason(monkeypatch: object) -> None:
    asked: list[object] = []

    def ask(_folder: object, _bot: str, _act: str, order: object = None) -> dict[str, object]:
        asked.append(order)
        if order is None:
            marks = msgspec.to_builtins(future_marks(poisoned(), NOW, LAG))
            return {"now": NOW, "marks": marks}
        return {"told": "btc is repaired"}

    monkeypatch.setattr(command, "ask", ask)  # type: ignore[attr-defined]
    shown = CliRunner().invoke(command.command, ["btc"])
    assert "window_end is 4070908800000: 2461406400 s in the future" in shown.output
    assert "nothing was changed" in shown.output and asked == [None]
    refused = CliRunner().invoke(command.command, ["btc", "--yes"])
    assert refused.exit_code == 2 and "--because" in refused.output
    done = CliRunner().invoke(command.command, ["btc", "--yes", "--because", "2099", "--json"])
    assert '"acted": true' in done.output and '"told": "btc is repaired"' in done.output
