"""Records stamped far ahead between good ones: the windows are those of the good ones alone."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.domain.checkpoint import Checkpoint, SymbolPlace, read, write
from tradebot.domain.feed import UNNUMBERED, Change
from tradebot.domain.leaps import HOLD_MS
from tradebot.domain.symbol_windows import WindowFlows, WindowRules
from tradebot.domain.window import MAX_SYMBOLS, PartitionWindows

RULES = WindowRules()
START = 1_609_459_200_000
MINUTE = 60_000
FAR = 4_070_908_800_000
"""The year 2099."""


class Stored(NamedTuple):
    """A record of the log: the change and Kafka's time."""

    change: Change
    arrival: int


def stored(at: int, seq: int, *, symbol: str = "BTCUSD", arrived: int | None = None) -> Stored:
    """A change `at` ms after START, by default in Kafka at the venue's time."""
    change = Change("bid", 2.0, 3.0, symbol, START + at, "place", seq)
    return Stored(change, START + at if arrived is None else START + arrived)


def feed(
    windows: PartitionWindows, log: Sequence[Stored], first: int | None = None
) -> list[WindowFlows]:
    start = windows.next if first is None else first
    offsets = range(start, start + len(log))
    return windows.feed([one.change for one in log], offsets, [one.arrival for one in log])


def told(windows: Sequence[WindowFlows]) -> list[tuple[str, int, float, int, bool]]:
    return [(w.symbol, w.index - START // MINUTE, w.bid, w.events, w.complete) for w in windows]


def live(seconds: int, *, step: int = 1000, symbol: str = "BTCUSD") -> list[Stored]:
    return [stored(at * step, at + 1, symbol=symbol) for at in range(seconds * 1000 // step)]


@pytest.mark.parametrize("ahead", [11_000, 9 * MINUTE, 86_400_000, FAR - START])
def test_a_stray_record_from_the_future_is_rejected_and_no_good_one_is_late(ahead: int) -> None:
    good = live(1800)
    stray = stored(600_000 + ahead, 601, arrived=600_000)
    log = [*good[:600], stray, *good[600:]]
    windows = PartitionWindows(RULES)
    assert told(feed(windows, log)) == told(feed(PartitionWindows(RULES), good))
    assert windows.late == 0
    ((offset, reason),) = windows.rejected
    assert offset == 600 and "ahead of its symbol's clock" in reason


@pytest.mark.parametrize("where", [0, 1, 5])
def test_a_run_of_the_same_poison_is_rejected_anywhere(where: int) -> None:
    good = live(300)
    poison = [stored(FAR - START, seq, arrived=where * 1000) for seq in (0, 7, 7, 7, 2, 900)]
    windows = PartitionWindows(RULES)
    closed = feed(windows, [*good[:where], *poison, *good[where:]])
    assert told(closed) == told(feed(PartitionWindows(RULES), good))
    assert len(windows.rejected) == len(poison)


def test_a_leap_after_a_silence_is_believed_at_once() -> None:
    windows = PartitionWindows(RULES)
    feed(windows, live(60))
    assert [w[1] for w in told(feed(windows, [stored(3 * MINUTE, 61)]))] == [0, 1]


def test_a_leap_of_replayed_history_is_believed_when_the_records_continue_from_there() -> None:
    """All of it reaches Kafka at one moment."""
    log = [stored(at, seq, arrived=0) for seq, at in enumerate((0, 1000, 3600_000, 3600_500))]
    windows = PartitionWindows(RULES)
    assert feed(windows, log) == []
    last = [stored(3_601_000, 4, arrived=0)]
    closed = told(feed(windows, last))
    assert closed[0] == ("BTCUSD", 0, 12.0, 2, False)
    after = feed(windows, [stored(3_602_000 + MINUTE, 5, arrived=0)])
    assert after == [], "the record of the next leap is held"
    assert windows.rejected == []


def test_time_that_runs_fast_explains_a_leap_by_as_much() -> None:
    fast = PartitionWindows(WindowRules(speed=30.0))
    feed(fast, live(60))
    leap = [stored(60_000 + 300_000, 61, arrived=70_000)]
    assert len(feed(fast, leap)) == 5


def test_one_symbols_poison_holds_no_other_symbols_windows() -> None:
    windows = PartitionWindows(RULES)
    feed(windows, live(60, symbol="ETHUSD"))
    feed(windows, live(60))
    feed(windows, [stored(FAR - START, 61, arrived=60_000)])
    closed = feed(windows, [stored(62_000, 61, symbol="ETHUSD")])
    assert [(w[0], w[1]) for w in told(closed)] == [("ETHUSD", 0)]
    state = windows.symbols["BTCUSD"]
    assert state.last_rejected > state.last_counted
    assert windows.symbols["ETHUSD"].last_counted > state.last_rejected


def test_held_records_of_a_symbol_without_further_ones_are_rejected() -> None:
    windows = PartitionWindows(RULES)
    feed(windows, [stored(FAR - START, 5, symbol="XRPUSD", arrived=0)])
    assert windows.checkpoint().offset == 0, "it must be read again"
    feed(windows, [stored(HOLD_MS + 1, 1), stored(HOLD_MS + 2, 2)])
    assert [offset for offset, _ in windows.rejected] == [0]
    assert windows.checkpoint().offset == 1


def test_records_without_a_number_show_no_loss() -> None:
    log = [stored(at * 1000, UNNUMBERED) for at in range(200)]
    closed = told(feed(PartitionWindows(RULES), log))
    assert [(w[1], w[3], w[4]) for w in closed] == [(0, 60, False), (1, 60, True), (2, 60, True)]


def test_a_checkpoint_of_the_widest_symbols_fits_into_kafkas_metadata() -> None:
    places = [
        SymbolPlace(
            f"ABCDEFGHIJKLM{i:03d}", 10**12 + 10**9, 68 * 10**6, 68_000_099, 2**52, FAR, FAR
        )
        for i in range(MAX_SYMBOLS)
    ]
    written = write(MINUTE, 10**12, 10**12, places)
    assert len(written.metadata) <= 4096
    assert read(written, MINUTE)[1] == places


def test_a_checkpoint_of_the_release_before_is_taken_up() -> None:
    place = Checkpoint(7, f"1 {MINUTE} 9 BTCUSD,{START // MINUTE + 1},{START // MINUTE},60")
    windows = PartitionWindows(RULES, place)
    closed = feed(windows, [*live(200)[60:], stored(202_000, 201)], first=9)
    assert [(w[1], w[3], w[4]) for w in told(closed)] == [(1, 60, True), (2, 60, True)]


# Any log with poison anywhere, read in any batches, through any crash.

TIMES = st.one_of(
    st.integers(11_000, 10 * MINUTE), st.sampled_from([86_400_000, FAR - START - 10**9])
)


class Poison(NamedTuple):
    """One record from the future: before which good one, how far ahead, its number."""

    place: int
    ahead: int
    seq: int
    symbol: str


POISON = st.builds(
    Poison,
    place=st.integers(0, 79),
    ahead=TIMES,
    seq=st.sampled_from([0, 5, 40, 2**53 - 1]),
    symbol=st.sampled_from(["BTCUSD", "ETHUSD"]),
)


def good_log(steps: Sequence[int]) -> list[Stored]:
    log, at = [], 0
    for number, step in enumerate(steps):
        at += step
        log += [stored(at, number + 1, symbol=symbol) for symbol in ("BTCUSD", "ETHUSD")]
    return log


def poisoned(log: Sequence[Stored], poison: Sequence[Poison]) -> list[Stored]:
    mixed = list(log)
    for one in sorted(poison, key=lambda one: one.place, reverse=True):
        place = min(one.place, len(log) - 1)
        now = log[place].change.ts - START
        bad = stored(now + one.ahead + 20_000, one.seq, symbol=one.symbol, arrived=now)
        mixed.insert(place, bad)
    return mixed


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 9000), min_size=40, max_size=40),
    st.lists(POISON, max_size=8),
    st.data(),
)
def test_poison_crashes_and_batches_never_change_what_comes_out(
    steps: list[int], poison: list[Poison], data: st.DataObject
) -> None:
    good = good_log([1000, 1000, *steps])
    log = poisoned(good, poison)
    written: list[WindowFlows] = []
    rejected: list[int] = []
    committed: Checkpoint | None = None
    windows, pending = PartitionWindows(RULES), []
    while windows.next < len(log):
        size = data.draw(st.integers(1, 15), label="batch")
        pending += feed(windows, log[windows.next : windows.next + size])
        act = data.draw(st.sampled_from(["go on", "commit", "crash", "commit and crash"]))
        if "commit" in act:
            written += pending
            rejected += [offset for offset, _ in windows.rejected]
            windows.rejected.clear()
            committed, pending = windows.checkpoint(), []
        if "crash" in act and windows.next < len(log):
            windows, pending = PartitionWindows(RULES, committed), []
    rejected += [offset for offset, _ in windows.rejected]
    clean = PartitionWindows(RULES)
    assert told(written + pending) == told(feed(clean, good))
    held = [one.offset for state in windows.symbols.values() for one in state.suspects]
    assert sorted(rejected + held) == [n for n, one in enumerate(log) if one not in good]
