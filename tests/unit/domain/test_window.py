"""Windows of flow: their contents, and that only the log determines them."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.domain.checkpoint import Checkpoint, CheckpointError
from tradebot.domain.feed import Change
from tradebot.domain.symbol_windows import EMPTY_WINDOWS, Mark, WindowFlows, WindowRules
from tradebot.domain.window import MAX_SYMBOLS, PartitionWindows

RULES = WindowRules()
START = 1_609_459_200_000
"""A window's start: 2021-01-01."""

MINUTE = 60_000


def change(
    at: int,
    seq: int,
    side: str = "bid",
    price: float = 2.0,
    remaining: float = 3.0,
    symbol: str = "BTCUSD",
    reason: str = "place",
) -> Change:
    """A change `at` ms after START."""
    return Change(side, price, remaining, symbol, START + at, reason, seq)  # type: ignore[arg-type]


def feed(windows: PartitionWindows, changes: Sequence[Change]) -> list[WindowFlows]:
    """Feeds a live feed's records, each in Kafka at its venue's time."""
    start = windows.next
    return take(windows, changes, range(start, start + len(changes)))


def take(
    windows: PartitionWindows, changes: Sequence[Change], offsets: Sequence[int]
) -> list[WindowFlows]:
    return windows.feed(changes, offsets, [change.ts for change in changes])


class Result(NamedTuple):
    """What a window publishes, its index counted from START."""

    symbol: str
    index: int
    bid: float
    ask: float
    events: int
    complete: bool


def results(windows: Sequence[WindowFlows]) -> list[Result]:
    first = START // MINUTE
    return [Result(w.symbol, w.index - first, w.bid, w.ask, w.events, w.complete) for w in windows]


def running() -> PartitionWindows:
    """Windows of a feed connected long ago: seq 99 in window −1 came last."""
    windows = PartitionWindows(RULES)
    feed(windows, [change(-MINUTE - 1, 98), change(-1, 99)])
    return windows


def test_a_window_sums_price_times_remaining_by_side_in_log_order() -> None:
    windows = running()
    changes = [
        change(0, 100, "bid", 0.1, 0.1),
        change(1, 101, "ask", 0.2, 0.2),
        change(2, 102, "bid", 0.3, 0.3),
        change(3, 103, "bid", 1e9, 1e3),
        change(4, 104, "bid", 5.0, 0.0),
    ]
    closed = feed(windows, [*changes, change(MINUTE + RULES.grace, 105)])
    assert results(closed)[-1] == Result(
        "BTCUSD", 0, 0.1 * 0.1 + 0.3 * 0.3 + 1e9 * 1e3, 0.2 * 0.2, 5, True
    )


def test_the_ratio_is_the_reports() -> None:
    window = WindowFlows(
        "BTCUSD", 0, Mark(0, 0, 0), True, bid=36606864.31078205, ask=83751098.75963986
    )
    assert window.ratio == 0.43709115286763395


@pytest.mark.parametrize(("bid", "ask"), [(0.0, 1.0), (1.0, 0.0), (0.0, 0.0)])
def test_an_empty_side_has_no_ratio(bid: float, ask: float) -> None:
    assert WindowFlows("BTCUSD", 0, Mark(0, 0, 0), True, bid=bid, ask=ask).ratio is None


def test_a_window_closes_when_a_record_passes_its_end_and_grace() -> None:
    windows = running()
    feed(windows, [change(RULES.grace, 100)])
    assert feed(windows, [change(MINUTE + RULES.grace - 1, 101)]) == []
    assert [r.index for r in results(feed(windows, [change(MINUTE + RULES.grace, 102)]))] == [0]


def test_a_record_out_of_order_within_the_grace_counts_in_its_own_window() -> None:
    windows = running()
    feed(windows, [change(0, 100), change(MINUTE, 101), change(MINUTE - 1, 102)])
    closed = feed(windows, [change(2 * MINUTE - 1, 103), change(2 * MINUTE + RULES.grace, 104)])
    assert [(r.index, r.events, r.complete) for r in results(closed)] == [
        (0, 2, True),
        (1, 2, True),
    ]


def test_a_late_record_is_counted_and_dropped() -> None:
    windows = running()
    feed(windows, [change(0, 100), change(MINUTE + RULES.grace, 101)])
    assert feed(windows, [change(MINUTE - 1, 102)]) == []
    assert windows.late == 1
    (window,) = results(feed(windows, [change(2 * MINUTE + RULES.grace, 103)]))
    assert (window.index, window.events, window.complete) == (1, 1, True)


def test_initial_records_are_state_and_never_count_and_their_window_is_incomplete() -> None:
    windows = running()
    book = [change(i, i, reason="initial") for i in range(3)]
    closed = feed(windows, [*book, change(9, 3, "ask"), change(MINUTE + RULES.grace, 4)])
    assert results(closed)[-1] == Result("BTCUSD", 0, 0.0, 6.0, 1, False)


@pytest.mark.parametrize(
    ("seqs", "expected"),
    [
        ((100, 101, 102), [True, True]),
        ((100, 102, 103), [False, True]),
        ((100, 101, 103), [False, False]),
        ((100, 101, 0), [False, False]),
        ((100, 101, 101), [False, False]),
        ((0, 1, 2), [False, True]),
    ],
)
def test_a_gap_or_a_connect_spoils_the_windows_on_both_its_sides(
    seqs: tuple[int, int, int], expected: list[bool]
) -> None:
    windows = running()
    changes = [change(at, seq) for at, seq in zip((0, 1, MINUTE), seqs, strict=True)]
    last = seqs[-1]
    feed(windows, changes)
    closed = feed(
        windows, [change(2 * MINUTE - 1, last + 1), change(2 * MINUTE + RULES.grace, last + 2)]
    )
    assert [r.complete for r in results(closed)] == expected


def test_a_late_start_is_incomplete_and_the_next_window_is_complete() -> None:
    windows = PartitionWindows(RULES)
    closed = feed(
        windows, [change(at, 500 + i) for i, at in enumerate((1, MINUTE, 2 * MINUTE, 3 * MINUTE))]
    )
    closed += feed(windows, [change(3 * MINUTE + RULES.grace, 504)])
    assert [(r.index, r.complete) for r in results(closed)][:2] == [(0, False), (1, True)]


def test_a_window_after_which_the_feed_was_silent_is_incomplete() -> None:
    windows = running()
    closed = feed(
        windows,
        [change(0, 100), change(MINUTE + RULES.silence, 101), change(2 * MINUTE + 10_001, 102)],
    )
    assert [(r.index, r.complete) for r in results(closed)] == [(-1, True), (0, True), (1, False)]


def test_windows_without_a_record_follow_and_are_never_complete() -> None:
    windows = running()
    closed = feed(windows, [change(0, 100), change(3 * MINUTE + RULES.grace, 101)])
    assert [(r.index, r.events, r.complete) for r in results(closed)][1:] == [
        (0, 1, False),
        (1, 0, False),
        (2, 0, False),
    ]


def test_a_symbol_that_slept_leaves_no_more_empty_windows() -> None:
    windows = running()
    closed = feed(windows, [change(0, 100), change(1000 * MINUTE, 101)])
    assert [r.index for r in results(closed)] == list(range(-1, EMPTY_WINDOWS + 1))
    after = feed(windows, [change(1001 * MINUTE, 102), change(1001 * MINUTE + RULES.grace, 103)])
    assert [(r.index, r.complete) for r in results(after)] == [(1000, True)]


def test_an_idle_symbol_s_windows_close_by_the_clock_then_come_empty_then_stop() -> None:
    windows = running()
    feed(windows, [change(0, 100), change(30_000, 101)])
    idle = RULES.silence
    due = START + MINUTE + RULES.grace + idle
    assert not windows.due("BTCUSD", due - 1, idle)
    assert windows.expire("BTCUSD", due - 1, idle) == []
    assert windows.due("BTCUSD", due, idle)
    assert results(windows.expire("BTCUSD", due, idle)) == [
        Result("BTCUSD", 0, 12.0, 0.0, 2, False)
    ]
    assert results(windows.expire("BTCUSD", due + MINUTE, idle)) == [
        Result("BTCUSD", 1, 0.0, 0.0, 0, False)
    ]
    rest = windows.expire("BTCUSD", due + 1_000_000 * MINUTE, idle)
    assert [r.index for r in results(rest)] == list(range(2, EMPTY_WINDOWS + 1))


def test_symbols_of_one_partition_do_not_touch_each_other() -> None:
    windows = PartitionWindows(RULES)
    closed = feed(
        windows,
        [
            change(0, 5),
            change(10 * MINUTE, 7, symbol="ETHUSD"),
            change(1, 6),
            change(MINUTE + RULES.grace, 7),
        ],
    )
    assert results(closed) == [Result("BTCUSD", 0, 12.0, 0.0, 2, False)]


def test_a_partition_refuses_what_is_not_a_symbol_and_more_symbols_than_a_checkpoint_holds() -> (
    None
):
    windows = PartitionWindows(RULES)
    feed(windows, [change(0, 0, symbol="BTC,USD")])
    feed(windows, [change(0, 0, symbol=f"ABCDEFGHIJKLM{i:03d}") for i in range(MAX_SYMBOLS + 1)])
    assert [offset for offset, _ in windows.rejected] == [0, MAX_SYMBOLS + 1]
    assert len(windows.checkpoint().metadata) <= 4096


def test_a_checkpoint_of_other_windows_is_refused_with_a_sentence() -> None:
    place = running().checkpoint()
    with pytest.raises(CheckpointError, match="not from windows of 30000 ms"):
        PartitionWindows(WindowRules(length=30_000), place)


# The log's meaning must not depend on how it is read. A generated log has two symbols, gaps,
# connects, records out of order by more and by less than the grace, silences and inactive times.


class Step(NamedTuple):
    """One record of a generated log, relative to its symbol's last."""

    symbol: str
    ahead: int
    jump: int
    side: str
    remaining: float
    reason: str


steps = st.builds(
    Step,
    symbol=st.sampled_from(["BTCUSD", "ETHUSD"]),
    ahead=st.one_of(
        st.integers(0, 5000),
        st.integers(-3000, 30_000),
        st.sampled_from([70_000, 200_000, 90 * MINUTE]),
    ),
    jump=st.sampled_from([1, 1, 1, 1, 1, 1, 2, 0, -1]),
    side=st.sampled_from(["bid", "ask"]),
    remaining=st.floats(0, 10),
    reason=st.sampled_from(["place", "cancel", "trade", "initial"]),
)


def log_of(steps: Sequence[Step]) -> list[Change]:
    clock = {"BTCUSD": 0, "ETHUSD": 0}
    seqs = {"BTCUSD": 10, "ETHUSD": 20}
    # Each symbol begins with two records that confirm each other's time.
    log = [
        change(at, seqs[symbol] + step, symbol=symbol)
        for symbol in clock
        for at, step in ((-1000, -1), (0, 0))
    ]
    for step in steps:
        at = clock[step.symbol] + step.ahead
        clock[step.symbol] = max(clock[step.symbol], at)
        seq = 0 if step.jump < 0 else seqs[step.symbol] + step.jump
        seqs[step.symbol] = seq
        log.append(change(at, seq, step.side, 1.1, step.remaining, step.symbol, step.reason))
    return log


def read_in_one(log: Sequence[Change]) -> tuple[list[Result], int]:
    windows = PartitionWindows(RULES)
    return results(take(windows, log, range(len(log)))), windows.late


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, min_size=20, max_size=60), st.data())
def test_batches_and_restarts_never_change_what_comes_out(
    steps: list[Step], data: st.DataObject
) -> None:
    log = log_of(steps)
    written: list[WindowFlows] = []
    late = late_before = 0
    committed: Checkpoint | None = None
    windows, pending = PartitionWindows(RULES), []
    while windows.next < len(log):
        size = data.draw(st.integers(1, 12), label="batch")
        start = windows.next
        batch = log[start : start + size]
        pending += take(windows, batch, range(start, start + len(batch)))
        act = data.draw(st.sampled_from(["go on", "commit", "crash", "commit and crash"]))
        if "commit" in act:
            written += pending
            committed, pending, late_before = windows.checkpoint(), [], late + windows.late
        if "crash" in act and windows.next < len(log):
            late = late_before
            windows, pending = PartitionWindows(RULES, committed), []
    expected, expected_late = read_in_one(log)
    assert results(written + pending) == expected
    assert late + windows.late == expected_late


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, min_size=20, max_size=60), st.data())
def test_closing_by_the_clock_gives_what_the_next_record_would_have_given(
    steps: list[Step], data: st.DataObject
) -> None:
    log = log_of(steps)
    windows = PartitionWindows(RULES)
    closed = []
    for offset, one in enumerate(log):
        closed += take(windows, [one], [offset])
        if data.draw(st.booleans(), label="restart"):
            windows = restarted(windows, log)
        symbol = data.draw(st.sampled_from(list(windows.symbols)))
        coming = [later.ts for later in log[offset + 1 :] if later.symbol == symbol]
        if coming:
            closed += windows.expire(symbol, min(coming), RULES.silence)
    expected, _ = read_in_one(log)
    assert sorted(results(closed)) == sorted(expected)


def restarted(windows: PartitionWindows, log: Sequence[Change]) -> PartitionWindows:
    """Rebuilds the windows from their checkpoint and the log up to the same offset."""
    again = PartitionWindows(RULES, windows.checkpoint())
    start = again.next
    assert take(again, log[start : windows.next], range(start, windows.next)) == []
    return again


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, min_size=20, max_size=60))
def test_a_window_comes_out_once_and_a_symbols_windows_in_order(steps: list[Step]) -> None:
    closed, _ = read_in_one(log_of(steps))
    for symbol in ("BTCUSD", "ETHUSD"):
        indices = [result.index for result in closed if result.symbol == symbol]
        assert indices == sorted(set(indices))


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, min_size=20, max_size=60))
def test_every_record_of_flow_is_in_a_window_or_late(steps: list[Step]) -> None:
    log = log_of(steps)
    windows = PartitionWindows(RULES)
    closed = take(windows, log, range(len(log)))
    still_open = [window for state in windows.symbols.values() for window in state.open]
    held = [one.change for state in windows.symbols.values() for one in state.suspects]
    flow = sum(one.reason != "initial" for one in log)
    flow -= len(windows.rejected) + sum(one.reason != "initial" for one in held)
    counted = sum(window.events for window in [*closed, *still_open])
    assert flow - windows.late <= counted <= flow
