"""Flows and forecasts from files in a backtest: the stage's own columns, and no lookahead."""

import math
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tradebot.backtest.columns import flows_of, predictions_of, read, with_files
from tradebot.backtest.command import command
from tradebot.history.arrays import Bars
from tradebot.platform.settings import SettingsError
from tradebot.records import ForecastRecord, MinuteRecord
from tradebot.strategy.bars import Closing, Columns

MINUTE = 60_000
START = 1_600_000_200_000 // (5 * MINUTE) * 5 * MINUTE


def bars_of(rows: int, step: int = 5 * MINUTE) -> Bars:
    ts = START + np.arange(rows, dtype=np.int64) * step
    price = np.full(rows, 100.0)
    return Bars(ts, price, price, price, price, np.ones(rows), step)


def forecast(made: int, value: float = 4.6, seen: int | None = None) -> ForecastRecord:
    """Made `made` ms after the start, for the 100 minutes after what it has seen."""
    end = START + (made - MINUTE if seen is None else seen)
    path = [value + 0.001 * step for step in range(100)]
    return ForecastRecord(
        symbol="BTCUSD", model="Lstm", digest="d", fitted_at=START + made, history_end=end,
        start=end, step_ms=MINUTE, log_price=path, lower=[each - 1 for each in path],
        upper=[each + 1 for each in path],
    )  # fmt: skip


def file_of(folder: Path, *records: ForecastRecord) -> Path:
    path = folder / "forecasts.jsonl"
    path.write_bytes(b"\n".join(msgspec.json.encode(record) for record in records))
    return path


# Flows.

flow = st.one_of(st.none(), st.floats(0, 1e6))


@settings(max_examples=60, deadline=None)
@given(
    windows=st.lists(st.tuples(flow, flow, st.booleans()), min_size=15, max_size=15),
)
def test_a_files_flows_are_the_columns_that_the_live_stage_makes(
    windows: list[tuple[float | None, float | None, bool]],
) -> None:
    closing, columns = Closing(5 * MINUTE), Columns(5 * MINUTE, keep=10)
    for number, (bid, ask, complete) in enumerate(windows):
        minute = MinuteRecord(
            "BTCUSD", START + number * MINUTE, 100.0, 100.0, 100.0, 100.0, 1.0, 100.0, bid, ask,
            None, complete,
        )  # fmt: skip
        for _, row in closing.add(minute):
            assert row is not None
            columns.append(row)
    live = columns.bars()
    table = pl.DataFrame(
        {
            "start": [START + number * MINUTE for number in range(15)],
            "bid_flow": pl.Series([each[0] for each in windows], dtype=pl.Float64),
            "ask_flow": pl.Series([each[1] for each in windows], dtype=pl.Float64),
            "complete": [each[2] for each in windows],
        }
    )
    found = flows_of(bars_of(3), table, "f")
    np.testing.assert_allclose(found.bid, live.bid_flow)
    np.testing.assert_allclose(found.ask, live.ask_flow)
    np.testing.assert_allclose(found.ratio, live.ratio)
    np.testing.assert_array_equal(found.complete, live.complete)


def test_a_bar_with_a_window_missing_is_not_complete_and_one_outside_counts_nowhere(
    tmp_path: Path,
) -> None:
    path = tmp_path / "flows.csv"
    ends = [START + number * MINUTE for number in (-1, 1, 2, 3, 4, 6, 7, 8, 9, 10, 99)]
    rows = "\n".join(f"{end},2.0,1.0" for end in ends)
    path.write_text(f"window_end,bid_flow,ask_flow\n{rows}\n")
    bars = with_files(bars_of(2), str(path), "")
    assert bars.bid_flow.tolist() == [8.0, 10.0] and bars.ratio.tolist() == [2.0, 2.0]
    assert bars.complete.tolist() == [False, True]


def test_flows_without_their_columns_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    path.write_text("time,bid\n1,2\n")
    with pytest.raises(SettingsError, match="has the columns time, bid: it needs start or"):
        with_files(bars_of(2), str(path), "")


# Forecasts.


def test_a_forecast_counts_from_the_moment_it_was_made(tmp_path: Path) -> None:
    made = 10 * MINUTE
    path = file_of(tmp_path, forecast(made, 4.6), forecast(made + 1, 9.9))
    told = with_files(bars_of(3), "", f"Lstm={path}").forecast("Lstm")
    assert math.isnan(told.log_price[0]), "made at the second bar's end, it is unknown before"
    assert told.log_price[1] == pytest.approx(4.6 + 0.001)
    assert told.log_price[2] == pytest.approx(9.9 + 0.005), "one ms late, it waits for the next"


@settings(max_examples=60, deadline=None)
@given(
    made=st.lists(st.integers(2, 80), min_size=1, max_size=12, unique=True),
    cut=st.integers(0, 14),
)
def test_forecasts_made_after_a_bar_change_nothing_up_to_it(made: list[int], cut: int) -> None:
    bars = bars_of(15)
    end = int(bars.ts[cut]) + bars.step
    records = [forecast(minute * MINUTE, 4.0 + minute / 100) for minute in made]
    known = [record for record in records if record.fitted_at <= end]
    others = [replace(each, log_price=[7.7] * 100) for each in records if each.fitted_at > end]
    whole, cut_off = predictions_of(bars, records), predictions_of(bars, known)
    changed = predictions_of(bars, [*others, *known])
    for told in (cut_off, changed):
        np.testing.assert_array_equal(told.log_price[: cut + 1], whole.log_price[: cut + 1])
        np.testing.assert_array_equal(told.history_end[: cut + 1], whole.history_end[: cut + 1])


def test_a_forecast_that_has_seen_what_came_after_it_is_refused(tmp_path: Path) -> None:
    path = file_of(tmp_path, forecast(MINUTE), forecast(5 * MINUTE, seen=6 * MINUTE))
    with pytest.raises(SettingsError, match=r"line 2: it looks ahead: it was made at"):
        read(path, "Lstm")


def test_a_model_that_the_file_lacks_is_named(tmp_path: Path) -> None:
    path = file_of(tmp_path, forecast(MINUTE))
    with pytest.raises(SettingsError, match="has no forecasts of Prophet; it has Lstm"):
        read(path, "Prophet")
    with pytest.raises(SettingsError, match="use NAME=FILE"):
        with_files(bars_of(2), "", str(path))


STRATEGY = '''
"""Buys while the forecast rises and bids outweigh asks."""
import numpy as np
from tradebot.strategies import Bars, Orders

FORECASTS = ("Lstm",)


def signals(bars: Bars) -> Orders:
    rises = bars.forecast("Lstm").delta > 0
    side = np.where(rises & bars.complete & (bars.ratio > 1), 1, 0).astype(np.int8)
    return Orders(side=side, size=np.full(len(side), 0.5))
'''


def test_a_backtest_of_a_strategy_reads_both(tmp_path: Path) -> None:
    (tmp_path / "strategy.py").write_text(STRATEGY)
    starts = [START + number * MINUTE for number in range(60)]
    pl.DataFrame(
        {"ts": starts, **dict.fromkeys(("open", "high", "low", "close"), [100.0] * 60),
         "volume": [5.0] * 60}
    ).write_csv(tmp_path / "prices.csv")  # fmt: skip
    pl.DataFrame({"start": starts, "bid_flow": [2.0] * 60, "ask_flow": [1.0] * 60}).write_parquet(
        tmp_path / "flows.parquet"
    )
    path = file_of(tmp_path, forecast(12 * MINUTE))
    done = CliRunner().invoke(
        command,
        [
            str(tmp_path / "strategy.py"), "--data", str(tmp_path / "prices.csv"),
            "--resolution", "5m", "--to", "1d", "--report", str(tmp_path / "r.html"), "--json",
            "--flows", str(tmp_path / "flows.parquet"), "--forecasts", f"Lstm={path}",
        ],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    found = msgspec.json.decode(done.stdout.splitlines()[-1])
    assert found["bars"] == 12 and found["strategy"]["fees"] > 0
