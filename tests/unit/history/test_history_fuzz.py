"""Files with random damage give the right bars or one sentence, never anything else."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tradebot.history import check, read
from tradebot.history.read import HistoryFileError

EXAMPLES = int(os.environ.get("TRADEBOT_TEST_FUZZ", "200"))
"""Files per property; a million in a manual run."""
FIRST = 1609459200000
NOW = FIRST + 400 * 86_400_000


@dataclass(frozen=True)
class Bar:
    minute: int
    open: float
    high: float
    low: float
    close: float
    volume: float

    @property
    def ts(self) -> int:
        return FIRST + self.minute * 60_000


@st.composite
def bars(draw: st.DrawFn) -> list[Bar]:
    """Bars of a market at any price level, with minutes without trades."""
    minutes = draw(st.lists(st.integers(0, 3000), min_size=3, max_size=25, unique=True))
    unit = draw(st.sampled_from([1e-7, 0.004, 1.0, 37.5, 50_000.0]))
    shape = st.tuples(*[st.integers(0, 40)] * 4, st.integers(1, 10_000))
    made = []
    for minute in sorted(minutes):
        start, end, up, down, volume = draw(shape)
        start, end = start + 60, end + 60
        prices = (start, max(start, end) + up, min(start, end) - down, end)
        made.append(Bar(minute, *(float(f"{price * unit:.12g}") for price in prices), volume / 8))
    return made


Writer = Callable[[Bar], list[str]]


def stamp(bar: Bar, layout: str = "%Y-%m-%d %H:%M:%S") -> str:
    return np.datetime64(bar.ts, "ms").astype(object).strftime(layout)


def ohlc(bar: Bar) -> list[str]:
    return [repr(bar.open), repr(bar.high), repr(bar.low), repr(bar.close)]


FORMS: dict[str, tuple[str, Writer]] = {
    "kaggle": (
        "Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price",
        lambda b: [f"{b.ts // 1000}", *ohlc(b), repr(b.volume), "1", repr(b.close)],
    ),
    "bars": (
        "ts,open,high,low,close,volume,weighted",
        lambda b: [f"{b.ts}", *ohlc(b), repr(b.volume), repr(b.close)],
    ),
    "gemini": (
        "Unix Timestamp,Date,Symbol,Open,High,Low,Close,Volume",
        lambda b: [f"{b.ts:.2E}", stamp(b, "%m/%d/%Y %H:%M"), "BTCUSD", *ohlc(b), repr(b.volume)],
    ),
    "cdd": (
        "unix,date,symbol,open,high,low,close,Volume BTC,Volume USD",
        lambda b: [f"{b.ts // 1000}", stamp(b), "BTC/USD", *ohlc(b), repr(b.volume), "1"],
    ),
    "yfinance": (
        "Datetime,Open,High,Low,Close,Volume",
        lambda b: [stamp(b) + "+00:00", *ohlc(b), repr(b.volume)],
    ),
    "coinbase": (
        "time,low,high,open,close,volume",
        lambda b: [f"{b.ts // 1000}", *map(repr, (b.low, b.high, b.open, b.close, b.volume))],
    ),
    "candles": ("", lambda b: [f"{b.ts}", *ohlc(b), repr(b.volume)]),
    "bitfinex": (
        "",
        lambda b: [f"{b.ts}", *map(repr, (b.open, b.close, b.high, b.low, b.volume))],
    ),
    "kraken": ("", lambda b: [f"{b.ts // 1000}", *ohlc(b), repr(b.volume), "3"]),
    "binance": (
        "",
        lambda b: [f"{b.ts * 1000}", *ohlc(b), repr(b.volume), f"{b.ts}", "1", "3", "1", "1", "0"],
    ),
    "metatrader": (
        "",
        lambda b: [*stamp(b, "%Y.%m.%d %H:%M").split(), *ohlc(b), repr(b.volume)],
    ),
}
CELLS = ["abc", "", "NaN", "inf", "-1", "0", "1e400", "1,5", "--", "２"]
"""Replacements of a price cell; none can be part of a bar."""

Damage = tuple[str, int, str]


@st.composite
def damages(draw: st.DrawFn) -> list[Damage]:
    one = st.tuples(
        st.sampled_from(["price", "time", "extra", "cut", "again"]),
        st.integers(0, 24),
        st.sampled_from(CELLS),
    )
    return draw(st.lists(one, max_size=3))


def damaged(
    form: str, truth: list[Bar], harm: list[Damage], *, reverse: bool
) -> tuple[str, set[int]]:
    """The file's text, and which of its bars were damaged."""
    header, write = FORMS[form]
    lines = [write(bar) for bar in truth]
    hurt, doubled = set[int](), set[int]()
    price = {"gemini": 3, "cdd": 3, "metatrader": 2}.get(form, 1)
    for kind, at, cell in harm:
        row = at % len(truth)
        if row in hurt or row in doubled:
            continue
        if kind == "again":
            lines.append(list(lines[row]))
            doubled.add(row)
            continue
        hurt.add(row)
        if kind == "price":
            lines[row][price] = f'"{cell}"' if "," in cell else cell
        elif kind == "time":
            for spot in range(price - (form in ("gemini", "cdd"))):
                lines[row][spot] = cell if cell not in ("1,5",) else "yesterday"
        elif kind == "extra":
            lines[row].append("7")
        else:
            del lines[row][2:]
    text = [",".join(line) for line in (reversed(lines) if reverse else lines)]
    return "\n".join([header, *text] if header else text) + "\n", hurt


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(FORMS)), bars(), damages(), st.booleans())
def test_a_damaged_row_costs_itself_alone_in_every_form(
    form: str, truth: list[Bar], harm: list[Damage], reverse: bool
) -> None:
    # Without a header, the most common width is the width of a row.
    resized = sum(kind in ("extra", "cut") for kind, _, _ in harm)
    assume(FORMS[form][0] or 2 * resized < len(truth))
    text, hurt = damaged(form, truth, harm, reverse=reverse)
    try:
        table = result_of(text.encode())
    except HistoryFileError as error:
        assert "\n" not in str(error)
        assert hurt, error
        assert not FORMS[form][0] or len(hurt) == len(truth), error
        return
    kept = [bar for row, bar in enumerate(truth) if row not in hurt]
    assert table["ts"].to_list() == [bar.ts for bar in kept]
    for name in ("open", "high", "low", "close"):
        assert table[name].to_list() == [getattr(bar, name) for bar in kept]
    assert table["volume"].to_list() == pytest.approx([bar.volume for bar in kept], rel=1e-12)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(sorted(FORMS)),
    bars(),
    st.lists(st.tuples(st.integers(0, 4000), st.binary(max_size=12), st.integers(0, 30))),
)
def test_whatever_bytes_a_file_has_only_possible_bars_come_of_it(
    form: str, truth: list[Bar], harm: list[tuple[int, bytes, int]]
) -> None:
    text, _ = damaged(form, truth, [], reverse=False)
    data = bytearray(text.encode())
    for at, written, removed in harm:
        place = at % (len(data) + 1)
        data[place : place + removed] = written
    try:
        table = result_of(bytes(data))
    except HistoryFileError as error:
        assert "\n" not in str(error)
        return
    assert len(table) <= len(truth) + sum(part.count(b"\n") for _, part, _ in harm) + 1
    ts = table["ts"].to_numpy()
    assert (np.diff(ts) > 0).all()
    assert ((ts >= 1230768000000) & (ts <= NOW + 86_400_000)).all()
    prices = table.select("open", "high", "low", "close", "weighted", "volume").to_numpy()
    assert np.isfinite(prices).all()
    assert (prices[:, :5] > 0).all()
    assert (table["high"] >= table.select("open", "close").max_horizontal()).all()
    assert (table["low"] <= table.select("open", "close").min_horizontal()).all()


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=400), st.sampled_from(["", "PAR1", "PK\x03\x04", "\x1f\x8b", "[[", "{"]))
def test_rubbish_is_one_sentence(data: bytes, start: str) -> None:
    try:
        result_of(start.encode("latin-1") + data)
    except HistoryFileError as error:
        assert "\n" not in str(error)


def result_of(data: bytes):  # type: ignore[no-untyped-def]
    """The usable bars of a file with these bytes."""
    with tempfile.NamedTemporaryFile(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as file:
        file.write(data)
        file.flush()
        return check.repair(read.read(Path(file.name)), now=NOW).table
