"""Users' files: each format's header, order, time and volume."""

import gzip
import io
import json
import zipfile
from pathlib import Path

import polars as pl
import pytest

from tradebot.history import check, content, load, read
from tradebot.platform.settings import SettingsError

FIRST = 1609459200000
"""2021-01-01 00:00 UTC."""
MINUTE = 60_000
OHLC = [(100, 105, 98, 104), (104, 106, 103, 105), (105, 107, 101, 102)]


def checked(folder: Path, text: str, name: str = "file.csv") -> check.Checked:
    (folder / name).write_text(text)
    return check.repair(read.read(folder / name))


def rows(table: pl.DataFrame) -> list[tuple[float, ...]]:
    return table.select("open", "high", "low", "close").rows()


CDD_PAST = "https://www.CryptoDataDownload.com\n" + (
    "Unix Timestamp,Date,Symbol,Open,High,Low,Close,Volume\n"
    "1609459320000,2021-01-01 00:02:00,BTCUSD,105,107,101,102,3\n"
    "1609459260000,2021-01-01 00:01:00,BTCUSD,104,106,103,105,2\n"
    "1609459200000,2021-01-01 00:00:00,BTCUSD,100,105,98,104,1\n"
)
CDD_NOW = "https://www.CryptoDataDownload.com\n" + (
    "unix,date,symbol,open,high,low,close,Volume BTC,Volume USD\n"
    "1609459320,2021-01-01 00:02:00,BTC/USD,105,107,101,102,3,306\n"
    "1609459260,2021-01-01 00:01:00,BTC/USD,104,106,103,105,2,210\n"
    "1609459200000,2021-01-01 00:00:00,BTC/USD,100,105,98,104,1,104\n"
)
CDD_BINANCE = (
    "Unix,Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USDT,tradecount\n"
    "1609459200000,2021-01-01 00:00:00,BTC/USDT,100,105,98,104,1,104,9\n"
    "1609459260000,2021-01-01 00:01:00,BTC/USDT,104,106,103,105,2,210,9\n"
    "1609459320000,2021-01-01 00:02:00,BTC/USDT,105,107,101,102,3,306,9\n"
)
BINANCE_DUMP = "".join(
    f"{(FIRST + n * MINUTE) * 1000},{o},{h},{low},{c},{n + 1},"
    f"{(FIRST + n * MINUTE + 59_999) * 1000},{(n + 1) * c},9,1,1,0\n"
    for n, (o, h, low, c) in enumerate(OHLC)
)
KRAKEN_DUMP = "".join(
    f"{(FIRST + n * MINUTE) // 1000},{o},{h},{low},{c},{n + 1},9\n"
    for n, (o, h, low, c) in enumerate(OHLC)
)
COINBASE = "time,low,high,open,close,volume\n" + "".join(
    f"{(FIRST + n * MINUTE) // 1000},{low},{h},{o},{c},{n + 1}\n"
    for n, (o, h, low, c) in reversed(list(enumerate(OHLC)))
)
TRADINGVIEW = "time,open,high,low,close,Volume,Volume MA\n" + "".join(
    f"2021-01-01T02:0{n}:00+02:00,{o},{h},{low},{c},{n + 1},\n"
    for n, (o, h, low, c) in enumerate(OHLC)
)
METATRADER_4 = "".join(
    f"2021.01.01,00:0{n},{o},{h},{low},{c},{n + 1}\n" for n, (o, h, low, c) in enumerate(OHLC)
)
METATRADER_5 = (
    "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
    + "".join(
        f"2021.01.01\t00:0{n}:00\t{o}\t{h}\t{low}\t{c}\t7\t{n + 1}\t2\n"
        for n, (o, h, low, c) in enumerate(OHLC)
    )
)
AM_PM = "Date,Open,High,Low,Close,Volume\n" + "".join(
    f"01/01/2021 12:0{n} AM,{o},{h},{low},{c},{n + 1}\n" for n, (o, h, low, c) in enumerate(OHLC)
)
SEMICOLONS = "Date;Open;High;Low;Close;Volume\n" + "".join(
    f"2021-01-01 00:0{n}:00;{o};{h};{low};{c};{n + 1}\n" for n, (o, h, low, c) in enumerate(OHLC)
)
NANOSECONDS = "timestamp,open,high,low,close,volume\n" + "".join(
    f"{(FIRST + n * MINUTE) * 1_000_000},{o},{h},{low},{c},{n + 1}\n"
    for n, (o, h, low, c) in enumerate(OHLC)
)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (CDD_PAST, "gemini"),
        (CDD_NOW, "cryptodatadownload"),
        (CDD_BINANCE, "cryptodatadownload"),
        (BINANCE_DUMP, "binance"),
        (KRAKEN_DUMP, "kraken"),
        (COINBASE, "coinbase"),
        (TRADINGVIEW, "table"),
        (METATRADER_4, "metatrader"),
        (METATRADER_5, "metatrader"),
        (AM_PM, "table"),
        (SEMICOLONS, "table"),
        (NANOSECONDS, "table"),
    ],
)
def test_every_form_gives_the_same_bars(tmp_path: Path, text: str, form: str) -> None:
    (tmp_path / "file.csv").write_text(text)
    raw = read.read(tmp_path / "file.csv")
    table = check.repair(raw).table
    assert raw.form.name == form
    assert table["ts"].to_list() == [FIRST, FIRST + MINUTE, FIRST + 2 * MINUTE]
    assert rows(table) == OHLC
    assert table["volume"].to_list() == [1, 2, 3]


YFINANCE = (
    "Price,Close,High,Low,Open,Volume\n"
    "Ticker,ETH-USD,ETH-USD,ETH-USD,ETH-USD,ETH-USD\n"
    "Date,,,,,\n"
    "2021-01-01,104,105,98,100,208\n"
    "2021-01-02,105,106,103,104,210\n"
    "2021-01-03,102,107,101,105,102\n"
)
YAHOO_ZONE = "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits\n" + "".join(
    f"2021-01-0{n + 1} 00:00:00+00:00,{o},{h},{low},{c},{v},0,0\n"
    for n, ((o, h, low, c), v) in enumerate(zip(OHLC, (208, 210, 102), strict=True))
)


@pytest.mark.parametrize("text", [YFINANCE, YAHOO_ZONE])
def test_yahoos_days_have_their_volume_in_quote_currency(tmp_path: Path, text: str) -> None:
    result = checked(tmp_path, text)
    assert rows(result.table) == OHLC
    assert result.table["volume"].to_list() == [2, 2, 1]
    assert result.step == 86_400_000
    assert result.assumed == ("volumes are in quote currency and are divided by the close",)


def test_the_unit_of_a_volume_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "file.csv").write_text(YFINANCE)
    told = check.repair(read.read(tmp_path / "file.csv", volume="base"))
    assert told.table["volume"].to_list() == [208, 210, 102]
    assert told.assumed == ()


KRAKEN_JSON = {
    "error": [],
    "result": {
        "XXBTZUSD": [
            [(FIRST + n * MINUTE) // 1000, str(o), str(h), str(low), str(c), "103.5", str(n + 1), 9]
            for n, (o, h, low, c) in enumerate(OHLC)
        ],
        "last": 1,
    },
}
CCXT_JSON = [[FIRST + n * MINUTE, *prices, n + 1] for n, prices in enumerate(OHLC)]
COINBASE_JSON = [
    [(FIRST + n * MINUTE) // 1000, low, h, o, c, n + 1]
    for n, (o, h, low, c) in reversed(list(enumerate(OHLC)))
]


@pytest.mark.parametrize(
    ("answer", "weighted"),
    [(KRAKEN_JSON, 103.5), (CCXT_JSON, 307 / 3), (COINBASE_JSON, 307 / 3)],
)
def test_answers_of_venues_are_read_as_they_came(
    tmp_path: Path, answer: object, weighted: float
) -> None:
    table = checked(tmp_path, json.dumps(answer), "file.json").table
    assert rows(table) == OHLC
    assert table["volume"].to_list() == [1, 2, 3]
    assert table["weighted"][0] == pytest.approx(weighted)


@pytest.mark.parametrize("index", ["Date", "__index_level_0__", "timestamp"])
@pytest.mark.parametrize("kind", [pl.Datetime("ns"), pl.Datetime("us", "Europe/Berlin"), pl.Date])
def test_parquet_of_pandas_and_polars_is_read_by_its_own_times(
    tmp_path: Path, index: str, kind: pl.DataType
) -> None:
    days = pl.Series([FIRST + n * 86_400_000 for n in range(3)]).cast(pl.Datetime("ms"))
    zone = kind.time_zone if isinstance(kind, pl.Datetime) else None
    stamps = days.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) if zone else days
    table = pl.DataFrame(OHLC, schema=["open", "high", "low", "close"], orient="row")
    table = table.with_columns(stamps.cast(kind).alias(index), volume=pl.lit(1.0))
    table.write_parquet(tmp_path / "file.parquet")
    result = check.repair(read.read(tmp_path / "file.parquet"))
    assert result.table["ts"].to_list() == [FIRST + n * 86_400_000 for n in range(3)]
    assert rows(result.table) == OHLC


def test_a_zip_archive_reads_as_the_file_in_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "BTCUSDT-1m-2021-01.zip", "w") as archive:
        archive.writestr("BTCUSDT-1m-2021-01.csv", BINANCE_DUMP)
    assert len(check.repair(read.read(tmp_path / "BTCUSDT-1m-2021-01.zip")).table) == 3


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        for _ in range(80):
            file.write(b"0" * (1 << 20))
    (tmp_path / "bomb.csv.gz").write_bytes(packed.getvalue())
    with pytest.raises(SettingsError, match="this is not a file of prices"):
        read.read(tmp_path / "bomb.csv.gz")
    assert content.ALWAYS_UNPACKED < 80 << 20


def test_flat_rows_decide_nothing_about_the_order_of_columns(tmp_path: Path) -> None:
    flat = [[FIRST + n * MINUTE, 100, 100, 100, 100, 0] for n in range(50)]
    traded = [[FIRST + (50 + n) * MINUTE, *prices, 1] for n, prices in enumerate(OHLC)]
    result = checked(tmp_path, json.dumps(flat + traded), "file.json")
    assert rows(result.table) == OHLC


def test_rows_in_no_order_of_columns_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="its four prices are in no known order"):
        checked(tmp_path, "".join(f"{FIRST + n * MINUTE},5,1,9,3,1\n" for n in range(9)))


def test_a_header_is_recognised_by_the_whole_first_row(tmp_path: Path) -> None:
    quiet = f"{FIRST - MINUTE},,,,,\n"
    traded = "".join(
        f"{FIRST + n * MINUTE},{o},{h},{low},{c},1\n" for n, (o, h, low, c) in enumerate(OHLC)
    )
    assert rows(checked(tmp_path, quiet + traded).table) == OHLC


@pytest.mark.parametrize("stray", ["0", "1", "-5", "1.2e9", "9e12", "1e300", "inf", "20200101"])
def test_nothing_before_2009_or_after_tomorrow_is_ever_a_bar(tmp_path: Path, stray: str) -> None:
    text = "".join(f"{FIRST + n * MINUTE},{','.join(map(str, p))},1\n" for n, p in enumerate(OHLC))
    result = checked(tmp_path, text + f"{stray},100,105,98,104,1\n")
    assert rows(result.table) == OHLC
    assert [finding.rows for finding in result.findings] == [1]
    assert "row 4" in result.findings[0].first


def test_a_number_stays_a_time_where_most_times_are_not_times(tmp_path: Path) -> None:
    rows = [f"{ts},1,2,0.5,1.5,3" for ts in ("abc", "abc", 1609459320000)]
    result = checked(tmp_path, "\n".join(["ts,open,high,low,close,volume", *rows]) + "\n")
    assert result.table["ts"].to_list() == [1609459320000]


def test_a_time_of_day_tells_the_form_where_the_other_rows_have_none(tmp_path: Path) -> None:
    days = ["2021.01.01,inf,", "2021.01.01,abc,", "2021.01.01,00:02,"]
    result = checked(tmp_path, "".join(f"{day}1,2,0.5,1.5,3\n" for day in days))
    assert result.table["ts"].to_list() == [1609459320000]


def test_an_unclosed_quotation_mark_costs_its_own_row_alone(tmp_path: Path) -> None:
    lines = [f"{FIRST + n * MINUTE},{','.join(map(str, p))},1" for n, p in enumerate(OHLC)]
    result = checked(tmp_path, "\n".join([lines[0], lines[1] + '"', *lines[2:]]) + "\n")
    assert rows(result.table) == [OHLC[0], *OHLC[2:]]
    assert "row 2" in result.findings[0].first


def test_a_file_whose_rows_are_mostly_too_short_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="most of its rows have fewer than 5 cells: 1"):
        checked(tmp_path, f"{FIRST},1,2,0.5,1.5,3\n7\n8\n")


def test_a_date_is_preferred_to_a_rounded_time_where_both_tell_as_many_rows_apart(
    tmp_path: Path,
) -> None:
    text = "Unix Timestamp,Date,Symbol,Open,High,Low,Close,Volume\n"
    text += "".join(
        f"1.61E+12,{date},BTCUSD,1,2,0.5,1.5,3\n" for date in ("abc", "abc", "01/01/2021 00:02")
    )
    assert checked(tmp_path, text).table["ts"].to_list() == [1609459320000]


def test_an_infinite_time_in_the_first_row_costs_it_alone(tmp_path: Path) -> None:
    lines = [f"{ts},1,2,0.5,1.5,3" for ts in ("inf", "abc", FIRST)]
    text = "\n".join(["ts,open,high,low,close,volume", *lines]) + "\n"
    assert checked(tmp_path, text).table["ts"].to_list() == [FIRST]


@pytest.mark.parametrize("cell", ["inf", "-1", "0", "1e30"])
def test_numbers_that_are_no_times_do_not_outvote_the_dates(tmp_path: Path, cell: str) -> None:
    file = tmp_path / "prices.csv"
    row = "{},5,6,4,5,1\n".format
    stamp = "2021-01-01 06:00:00+00:00"
    file.write_text("Datetime,Open,High,Low,Close,Volume\n" + row(cell) + row(stamp) + row(cell))
    assert check.repair(read.read(file)).table["ts"].to_list() == [1609480800000]


def test_a_damaged_time_does_not_make_rounded_times_exact(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    header = "Unix Timestamp,Date,Symbol,Open,High,Low,Close,Volume\n"
    row = "{},{},BTCUSD,5,6,4,5,1\n".format
    file.write_text(header + row("-1", "-1") + row("1.61E+12", "01/01/2021 00:02"))
    assert check.repair(read.read(file)).table["ts"].to_list() == [1609459320000]


def test_rounded_times_are_refused_where_no_date_helps(tmp_path: Path) -> None:
    text = "Unix Timestamp,Open,High,Low,Close,Volume\n" + "1.61E+12,100,105,98,104,1\n" * 20
    with pytest.raises(SettingsError, match=r"its times are rounded, such as 1610000000000\.0"):
        checked(tmp_path, text)


def test_dates_that_can_be_read_both_ways_are_said_to_be(tmp_path: Path) -> None:
    header = "Date,Open,High,Low,Close,Volume\n"
    both = checked(tmp_path, header + "1/2/2021,100,105,98,104,1\n1/3/2021,100,105,98,104,1\n")
    assert both.assumed == ("dates such as 1/2/2021 are read as month/day/year",)
    one = checked(tmp_path, header + "13/2/2021,100,105,98,104,1\n1/3/2021,100,105,98,104,1\n")
    assert (one.assumed, one.table["ts"][0]) == ((), 1613174400000)


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("100,105,98,106,1,100", "column close outside low and high"),
        ("97,105,98,104,1,100", "column open outside low and high"),
        ("100,105,98,104,NaN,100", "column volume is not a number"),
        ("100,105,98,104,,100", "column volume is not a number"),
        ("100,105,98,104,inf,100", "column volume is not a number"),
        ("100,105,98,104,1,inf", "an infinite price"),
        ("100,105,98,104,1,100,extra", "too many cells"),
        ("100,100,100,100,0,100", "no trades (volume 0 at one price)"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_with_its_column(
    tmp_path: Path, row: str, what: str
) -> None:
    text = "ts,open,high,low,close,volume,weighted\n" + "".join(
        f"{FIRST + n * MINUTE},{','.join(map(str, prices))},1,{prices[3]}\n"
        for n, prices in enumerate(OHLC)
    )
    result = checked(tmp_path, text + f"{FIRST + 3 * MINUTE},{row}\n")
    assert rows(result.table) == OHLC
    (finding,) = result.findings
    assert (finding.what, finding.rows, finding.first[:5]) == (what, 1, "row 5")


def test_a_file_without_a_usable_row_shows_its_first_cells(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text('Timestamp,Open,High,Low,Close,Volume\n1609459200,"1,0","2,0","1,0","1,5",1\n')
    with pytest.raises(SettingsError, match="no usable row: '1,0' in row 2, column Open, '2,0' in"):
        load.load(path)


def test_what_was_done_to_a_file_is_reported_in_one_line_or_refused(tmp_path: Path) -> None:
    path, told = tmp_path / "file.csv", list[str]()
    path.write_text(CDD_NOW)
    assert len(load.load(path, tell=told.append).table) == 3
    (line,) = told
    assert "3 × newest first (sorted, first: row 4" in line
    assert "times are in s and ms, each row by its digits" in line
    with pytest.raises(SettingsError, match="has problems, and --strict rejects it: 3 × newest"):
        load.load(path, strict=True)


def test_a_clean_file_says_nothing_and_is_never_refused(tmp_path: Path) -> None:
    path, told = tmp_path / "file.csv", list[str]()
    path.write_text(CDD_BINANCE)
    load.load(path, strict=True, tell=told.append)
    assert told == []


@pytest.mark.parametrize(
    ("apart", "step"),
    [(3_600_000, 3_600_000), (86_400_000, 86_400_000), (300_000, 300_000), (7, 60_000)],
)
def test_the_length_of_a_bar_is_read_off_its_times(tmp_path: Path, apart: int, step: int) -> None:
    text = "timestamp,open,high,low,close,volume\n" + "".join(
        f"{FIRST + n * apart},100,105,98,104,1\n" for n in range(40) if n not in (5, 6, 20)
    )
    assert checked(tmp_path, text).step == step
