"""Three records make a whole window; open windows hold their offset back."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from line.day import TradingDay

from tradebot.recorder.reading import window_of
from tradebot.records import LiquidityRecord
from tradebot.window_records import OUTLIVED, Gatherer, WholeWindow

REPORT = [
    LiquidityRecord("ask", 83751098.75963986, 1602770086),
    LiquidityRecord("bid", 36606864.31078205, 1602770086),
    LiquidityRecord("price_volume", 0.43709115286763395, 1602770086),
]

THREE_WINDOWS = [r for window, _, _ in TradingDay(steps=2).minutes(3) for r in window]


def feed(windows: Gatherer, records: list[LiquidityRecord]) -> list[WholeWindow]:
    made = [windows.add(record, 0, offset) for offset, record in enumerate(records)]
    return [window for window in made if window is not None]


def test_the_reports_own_three_records_become_one_document() -> None:
    (window,) = feed(Gatherer(), REPORT)
    document = window_of(window)
    assert document.ts == 1_602_770_086_000
    assert document.body["ask"] == 83751098.75963986
    assert document.body["bid"] == 36606864.31078205
    assert document.body["ratio"] == 0.43709115286763395
    assert document.body["window_start"] == 1_602_770_026_000


def test_an_open_window_holds_the_offset_of_its_first_record() -> None:
    windows = Gatherer()
    windows.add(REPORT[0], 3, 41)
    windows.add(REPORT[1], 3, 42)
    assert windows.held(3) == 41
    assert windows.held(2) is None
    windows.add(REPORT[2], 3, 43)
    assert windows.held(3) is None


def test_a_window_whose_record_never_comes_is_given_up_and_counted() -> None:
    windows = Gatherer()
    assert len(feed(windows, THREE_WINDOWS[1:])) == 2
    assert windows.held(0) is None
    assert windows.take_lost() == 1
    assert windows.take_lost() == 0


def test_partitions_that_went_to_another_recorder_are_forgotten() -> None:
    windows = Gatherer()
    windows.add(REPORT[0], 3, 41)
    windows.forget([3])
    assert windows.held(3) is None


@settings(deadline=None)  # a loaded machine is not a fault of the code
@given(st.permutations(range(9)), st.lists(st.integers(0, 8), max_size=5))
def test_any_order_and_any_repetition_give_each_window_the_same_values(
    order: list[int], again: list[int]
) -> None:
    whole = {w.end: w for w in feed(Gatherer(), THREE_WINDOWS)}
    shuffled = [THREE_WINDOWS[i] for i in [*order, *again]]
    windows = Gatherer()
    assert {w.end: w for w in feed(windows, shuffled)}.items() <= whole.items()


def test_a_record_whose_symbol_never_comes_again_does_not_hold_its_partition_forever() -> None:
    windows = Gatherer()
    windows.add(msgspec.structs.replace(REPORT[0], symbol="STRAY"), 3, 0)
    windows.add(msgspec.structs.replace(REPORT[0], symbol="ELSEWHERE"), 4, 0)
    for minute in range(OUTLIVED):
        assert windows.held(3) == 0
        for part in REPORT:
            later = msgspec.structs.replace(part, timestamp=part.timestamp + 60 * minute)
            windows.add(later, 3, 1)
    assert (windows.held(3), windows.held(4)) == (None, 0)
    assert windows.take_lost() == 1


def test_a_window_is_complete_only_if_all_its_records_are() -> None:
    records = THREE_WINDOWS[:3]
    (window,) = feed(Gatherer(), records)
    assert window.complete
    for place in range(3):
        one = [msgspec.structs.replace(r, complete=i != place) for i, r in enumerate(records)]
        (window,) = feed(Gatherer(), one)
        assert not window.complete
