"""Files of minutes become bars: every format, every fault reported, nothing filled in silently."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.history import bars, check, fetch, read, store
from tradebot.history.bars import MINUTE
from tradebot.history.command import command
from tradebot.history.venue import of_candles
from tradebot.platform.settings import SettingsError

KAGGLE = """Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price
1508457360,5690.88,5690.88,5690.88,5690.88,0.168941,961.421706,5690.880000
1508457420,5698.13,5704.10,5695.63,5704.10,2.311662,13174.852877,5699.300163
1508457480,NaN,NaN,NaN,NaN,NaN,NaN,NaN
1508457540,5704.10,5704.10,5700.00,5701.00,1.0,5702.0,5702.0
"""
GEMINI = """Unix Timestamp,Date,Symbol,Open,High,Low,Close,Volume
1.61888E+12,4/20/2021 0:02,BTCUSD,55717.47,55723,55541.69,55541.69,2.406733604
1.61888E+12,4/20/2021 0:01,BTCUSD,55768.94,55849.82,55711.74,55717.47,0.5734577
1.61888E+12,4/20/2021 0:00,BTCUSD,55691.79,55793.15,55691.79,55768.94,3.309903747
"""
BITFINEX = """1514764800000,13763,13753,13788,13752.18233851,5.13326771
1514764860000,13763,13772,13773,13741,15.53608162
1514764920000,13774,13742,13777,13741,16.95892633
"""
CANDLES = "[[1561054500000,9350.18,9358.35,9350.18,9355.51,2.07],[1561054440000,1,3,1,2,1]]"
DAILY = """Date,Open,High,Low,Close,Adj Close,Volume
2015-08-07,2.831620,3.536610,2.521120,2.772120,2.772120,164329
2015-08-08,2.793760,2.798810,0.714725,0.753325,0.753325,674188
2015-08-09,null,null,null,null,null,null
"""


def checked(folder: Path, text: str, name: str = "file.csv") -> check.Checked:
    path = folder / name
    path.write_text(text)
    return check.repair(read.read(path))


def found(result: check.Checked) -> dict[str, check.Finding]:
    return {finding.what: finding for finding in result.findings}


def test_the_reports_kaggle_form_keeps_its_weighted_price_and_drops_nan_rows(
    tmp_path: Path,
) -> None:
    result = checked(tmp_path, KAGGLE)
    assert result.table["ts"].to_list() == [1508457360000, 1508457420000, 1508457540000]
    assert result.table["weighted"].to_list() == [5690.88, 5699.300163, 5702.0]
    assert found(result)["no price (NaN: a minute without trades)"].rows == 1
    assert (result.gaps.start.tolist(), result.gaps.absent) == ([1508457480000], 1)


def test_geminis_form_takes_its_time_from_the_date_and_is_turned_round(tmp_path: Path) -> None:
    result = checked(tmp_path, GEMINI)
    assert result.table["ts"].to_list() == [1618876800000, 1618876860000, 1618876920000]
    assert result.table["open"][0] == 55691.79
    assert found(result)["newest first"].done == "sorted"


def test_bitfinex_has_its_close_before_its_high(tmp_path: Path) -> None:
    result = checked(tmp_path, BITFINEX)
    first = result.table.row(0, named=True)
    assert (first["open"], first["close"], first["high"]) == (13763, 13753, 13788)
    assert first["weighted"] == pytest.approx((13788 + 13752.18233851 + 13753) / 3)
    assert result.findings == []


def test_json_candles_and_daily_rows_are_read_too(tmp_path: Path) -> None:
    assert checked(tmp_path, CANDLES, "file.json").table["close"].to_list() == [2, 9355.51]
    daily = checked(tmp_path, DAILY)
    assert (len(daily.table), daily.step) == (2, 86_400_000)


def test_a_gzipped_file_reads_as_the_plain_one(tmp_path: Path) -> None:
    (tmp_path / "file.csv.gz").write_bytes(gzip.compress(KAGGLE.encode()))
    zipped = check.repair(read.read(tmp_path / "file.csv.gz")).table
    assert zipped.equals(checked(tmp_path, KAGGLE).table)


@pytest.mark.parametrize(
    ("row", "what", "where"),
    [
        ("1508457600,5,abc,4,5,1,1,5", "not a number or a time", "row 6, column High: 'abc'"),
        ("yesterday,5,6,4,5,1,1,5", "not a number or a time", "row 6, column Timestamp"),
        ("1508457600,0,6,4,5,1,1,5", "a price not above zero", "row 6"),
        ("1508457600,5,4,6,5,1,1,5", "high below low", "row 6"),
        ("1508457600,5,6,4,5,-1,1,5", "a negative volume", "row 6"),
        ("1508457600,5,inf,4,5,1,1,5", "an infinite price", "row 6"),
        ("1508457540,5,6,4,5,1,1,5", "the same minute again (1 of them with different", "row 6"),
    ],
)
def test_each_fault_is_named_with_its_row_and_costs_that_row_alone(
    tmp_path: Path, row: str, what: str, where: str
) -> None:
    result = checked(tmp_path, KAGGLE + row + "\n")
    (finding,) = [one for one in result.findings if one.what.startswith(what)]
    assert (finding.rows, finding.first.startswith(where)) == (1, True), finding
    assert result.table.equals(checked(tmp_path, KAGGLE).table)


def test_times_within_a_minute_and_rows_out_of_order_are_put_right_and_reported(
    tmp_path: Path,
) -> None:
    result = checked(tmp_path, KAGGLE + "1508457310,5,6,4,5,1,1,5\n")
    assert result.table["ts"][0] == 1508457300000
    assert {"a time within a minute", "rows not in time order"} <= set(found(result))


def test_a_file_in_no_known_form_says_what_is_known(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="its columns are a, b, c, d, e: it has no open"):
        checked(tmp_path, "a,b,c,d,e\n1,2,3,4,5\n")
    with pytest.raises(SettingsError, match="does not exist"):
        read.read(tmp_path / "none.csv")


def test_candles_without_trades_are_not_observations() -> None:
    table = of_candles([[120_000, 5, 5, 5, 5, 0], [60_000, 5, 6, 4, 5, 1]])
    assert table["ts"].to_list() == [60_000]


def table_of(minutes: list[int], price: float = 100.0) -> pl.DataFrame:
    rows = [(minute * MINUTE, price, price, price, price, 1.0, price) for minute in minutes]
    return pl.DataFrame(rows, schema=bars.SCHEMA, orient="row")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(0, 200_000), min_size=1, max_size=30), max_size=5))
def test_the_store_holds_each_minute_once_in_order_whatever_is_written_when(
    tmp_path_factory: pytest.TempPathFactory, portions: list[list[int]]
) -> None:
    folder = tmp_path_factory.mktemp("store")
    added = 0
    for portion in portions:
        added += store.write(folder, "BTCUSD", table_of(sorted(set(portion))))
    minutes = sorted({minute for portion in portions for minute in portion})
    assert store.read(folder, "BTCUSD")["ts"].to_list() == [m * MINUTE for m in minutes]
    assert added == len(minutes)


def test_the_store_has_a_file_a_month_and_reads_the_newest_alone(tmp_path: Path) -> None:
    store.write(tmp_path, "BTCUSD", table_of([0, 1, 31 * 1440, 60 * 1440]))
    names = [path.name for path in store.files(tmp_path, "BTCUSD")]
    assert names == ["1970-01.parquet", "1970-02.parquet", "1970-03.parquet"]
    assert len(store.read(tmp_path, "BTCUSD", newest=1)) == 1
    assert len(store.read(tmp_path, "BTCUSD")) == 4


class FakeVenue:
    """A venue with a minute each minute except some, which fails now and then."""

    id = "fake"

    def __init__(self, absent: range, breaks: Callable[[int], bool] = lambda _call: False) -> None:
        self.absent, self.breaks, self.calls = absent, breaks, 0
        self.asked: list[int] = []

    def load_markets(self) -> dict[str, object]:
        return {"ETH/USD": {}, "BTC/USD": {}}

    def fetch_ohlcv(self, symbol: str, timeframe: str, since: int, limit: int) -> list[list[float]]:
        import ccxt

        assert (symbol, timeframe) == ("BTC/USD", "1m")
        self.calls += 1
        if self.breaks(self.calls):
            raise ccxt.NetworkError("down")
        self.asked.append(since // MINUTE)
        minutes = range(since // MINUTE, since // MINUTE + limit)
        return [[m * MINUTE, 5, 6, 4, 5, 1] for m in minutes if m not in self.absent]


def test_a_fetch_that_broke_off_continues_where_it_was(tmp_path: Path) -> None:
    venue = FakeVenue(absent=range(0), breaks=lambda call: call == 3)
    with pytest.raises(SettingsError, match="NetworkError: down; try again later"):
        fetch.fetch(venue, "BTCUSD", tmp_path, start=0, end=5000 * MINUTE)
    fetch.fetch(venue, "BTCUSD", tmp_path, start=0, end=5000 * MINUTE)
    assert venue.asked == [0, 1000, 2000, 3000, 4000]
    assert len(store.read(tmp_path, "BTCUSD")) == 5000
    assert fetch.fetch(venue, "BTC/USD", tmp_path, start=0, end=5000 * MINUTE) == 0


def test_a_venues_long_silence_is_passed_over_and_stays_a_gap(tmp_path: Path) -> None:
    venue = FakeVenue(range(500, 3500))
    fetch.fetch(venue, "BTCUSD", tmp_path, start=0, end=4000 * MINUTE)
    held = store.read(tmp_path, "BTCUSD")
    assert bars.gaps(held["ts"].to_numpy()).minutes.tolist() == [3000]
    asked = len(venue.asked)
    fetch.fetch(venue, "BTCUSD", tmp_path, start=0, end=4000 * MINUTE)
    assert len(venue.asked) == asked, "what was between known minutes is asked once"


def test_minutes_that_have_not_happened_are_fetched_when_they_have(tmp_path: Path) -> None:
    venue = FakeVenue(absent=range(100, 10_000))
    fetch.fetch(venue, "BTCUSD", tmp_path, start=0, end=5000 * MINUTE, now=100 * MINUTE)
    assert venue.asked == [0]
    venue.absent = range(0)
    new = fetch.fetch(venue, "BTCUSD", tmp_path, start=0, end=5000 * MINUTE, now=150 * MINUTE + 7)
    assert (new, venue.asked) == (50, [0, 100])


def test_what_the_venue_does_not_have_is_requested_again(tmp_path: Path) -> None:
    venue = FakeVenue(absent=range(3000))
    fetch.fetch(venue, "BTCUSD", tmp_path, start=0, end=4000 * MINUTE)
    venue.absent = range(0)
    assert fetch.fetch(venue, "BTCUSD", tmp_path, start=0, end=4000 * MINUTE) == 3000
    assert bars.gaps(store.read(tmp_path, "BTCUSD")["ts"].to_numpy()).absent == 0


def test_one_store_never_mixes_two_venues(tmp_path: Path) -> None:
    first, second = FakeVenue(range(0)), FakeVenue(range(0))
    second.id = "other"
    fetch.fetch(first, "BTCUSD", tmp_path, start=0, end=MINUTE)
    with pytest.raises(SettingsError, match="contains minutes of fake; choose another folder"):
        fetch.fetch(second, "BTCUSD", tmp_path, start=0, end=MINUTE)


def test_history_check_prints_what_is_wrong_and_what_was_done(tmp_path: Path) -> None:
    (tmp_path / "file.csv").write_text(KAGGLE)
    said = CliRunner().invoke(
        command, ["check", str(tmp_path / "file.csv"), "--out", str(tmp_path / "out"), "--gaps"]
    )
    assert said.exit_code == 0, said.output
    assert "4 rows in format 'kaggle', 3 usable, from 2017-10-19 23:56" in said.output
    assert "1 × no price (NaN: a minute without trades): rows dropped" in said.output
    assert "1 minute missing from 2017-10-19 23:58" in said.output
    assert len(store.read(tmp_path / "out", "BTCUSD")) == 3


def test_history_fetch_refuses_a_venue_that_no_one_knows() -> None:
    said = CliRunner().invoke(command, ["fetch", "--venue", "krak", "--from", "2020-01-01"])
    assert said.exit_code == 2
    assert "which ccxt does not support" in said.output


def test_a_series_without_a_logarithm_is_refused_with_its_minute() -> None:
    with pytest.raises(ValueError, match="weighted price of minute 60000 is 0"):
        bars.series(table_of([0]).vstack(table_of([1], price=0.0)))


def test_gaps_are_counted_between_minutes_only() -> None:
    result = bars.gaps(np.array([0, 1, 5, 6], np.int64) * MINUTE)
    assert (result.start.tolist(), result.minutes.tolist()) == ([2 * MINUTE], [3])


@pytest.mark.slow
def test_the_reports_4_2_million_minutes_load_whole(tmp_path: Path) -> None:
    first, rows = 24_000_000, 4_200_000
    minutes = first + np.flatnonzero(np.random.default_rng(0).random(rows) >= 0.25)
    price = np.exp(9 + np.cumsum(np.random.default_rng(1).normal(0, 1e-4, len(minutes))))
    columns = dict.fromkeys(("open", "high", "low", "close", "weighted"), price)
    table = pl.DataFrame({"ts": minutes * MINUTE, "volume": np.ones(len(minutes)), **columns})
    store.write(tmp_path, "BTCUSD", table.select(bars.SCHEMA.names()))
    result = check.repair(read.read(tmp_path))
    series = bars.series(result.table)
    assert len(series) == len(minutes)
    assert len(series) + result.gaps.absent == minutes[-1] - minutes[0] + 1
