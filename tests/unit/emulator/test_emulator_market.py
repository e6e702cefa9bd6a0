"""The emulator's market: the trades of a bar reproduce it, and the book around it is plausible."""

import gzip
import itertools
from collections import defaultdict
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot.emulator.clock import ExchangeClock
from tradebot.emulator.desk import OrderRequest
from tradebot.emulator.exchange import Exchange
from tradebot.emulator.feeds import MarketUpdate, TapeTrade
from tradebot.emulator.market.flow import pace
from tradebot.emulator.market.generator import Generator
from tradebot.emulator.market.path import StepBar, prints
from tradebot.emulator.market.recorded import read_bars
from tradebot.emulator.market.timeline import default_start
from tradebot.emulator.settings import EmulatorSettings
from tradebot.history.arrays import DAY, MINUTE, Bars, joined
from tradebot.platform.settings import SettingsError

BTC = 10**8
START = 1_600_000_020_000


@st.composite
def bars(draw: st.DrawFn) -> StepBar:
    low = draw(st.integers(1, 10_000))
    high = low + draw(st.integers(0, 5_000))
    prices = st.integers(low, high)
    return StepBar(draw(prices), high, low, draw(prices), draw(st.integers(0, 10**12)))


@given(bar=bars(), count=st.integers(0, 60), seed=st.integers(0, 100))
def test_the_trades_of_a_bar_reproduce_it(bar: StepBar, count: int, seed: int) -> None:
    trades = prints(bar, count=count, length=MINUTE, random=Random(seed))
    assert sum(trade.amount for trade in trades) == bar.volume
    assert all(trade.amount > 0 for trade in trades)
    assert [trade.at for trade in trades] == sorted(trade.at for trade in trades)
    if bar.volume >= 4:
        prices = [trade.price for trade in trades]
        assert (prices[0], max(prices), min(prices), prices[-1]) == (
            bar.open,
            bar.high,
            bar.low,
            bar.close,
        )


class Hours:
    """An exchange that the test drives."""

    def __init__(self, recorded: Bars | None = None, *, minutes: int = 20, seed: int = 3) -> None:
        self.now = 0.0
        settings = EmulatorSettings(history_days=1, seed=seed)
        start = START if recorded is None else int(recorded.ts[len(recorded.ts) // 2])
        clock = ExchangeClock(start, 1.0, monotonic=lambda: self.now)
        self.exchange = Exchange(settings, clock, recorded)
        self.market = self.exchange.markets["BTCUSD"]
        self.updates: list[MarketUpdate] = []
        self.spreads: list[int] = []
        self.exchange.feeds.market.append(self.updates.append)
        for _ in range(minutes * 12):
            self.now += 5.0
            self.exchange.advance()
            bid, ask = self.market.levels("bid", 1), self.market.levels("ask", 1)
            self.spreads.append(ask[0][0] - bid[0][0])

    def trades(self) -> list[TapeTrade]:
        return [update.trade for update in self.updates if update.trade is not None]


def test_live_candles_are_the_bars_of_the_file() -> None:
    recorded = Generator(start=START, price=50_000.0, seed=9).next_day()
    hours = Hours(recorded, minutes=30)
    rows = hours.market.candles.between("1m", hours.exchange.clock.start, 2**60)
    begin = int((recorded.ts == hours.exchange.clock.start).argmax())
    assert len(rows) > 25
    for place, row in enumerate(rows[:-1]):
        index = begin + place
        columns = (recorded.open, recorded.high, recorded.low, recorded.close)
        assert row[1:5] == [pytest.approx(column[index], abs=0.006) for column in columns]
        assert row[5] == pytest.approx(recorded.volume[index], abs=1e-7)


def test_the_book_is_never_crossed_and_its_spread_is_narrow() -> None:
    hours = Hours(minutes=60)
    assert min(hours.spreads) >= 1
    price = hours.market.engine.last_price
    assert sorted(hours.spreads)[len(hours.spreads) // 2] < price * 0.0005
    assert len(hours.market.levels("bid")) > 50


def test_depth_decays_away_from_the_best_price() -> None:
    market = Hours().market
    best = market.levels("bid", 1)[0][0]
    near = sum(1 for price, _ in market.levels("bid") if best - price < best * 0.0005)
    far = sum(
        1 for price, _ in market.levels("bid") if best * 0.0005 <= best - price < best * 0.001
    )
    assert near > far > 0


def test_orders_come_go_and_trade_at_the_pace_that_was_set() -> None:
    hours = Hours(minutes=30)
    reasons: dict[str, int] = defaultdict(int)
    for update in hours.updates:
        reasons[update.change.reason] += 1
    assert 10 < len(hours.updates) / (30 * 60) < 30
    assert reasons["place"] > 0.2 * len(hours.updates)
    assert reasons["cancel"] > 0.2 * len(hours.updates)
    assert reasons["trade"] > 0.02 * len(hours.updates)


def test_a_fast_exchange_has_no_more_changes_in_a_real_second_than_allowed() -> None:
    for speed in (1, 30, 300):
        each = pace(20, 300, speed)
        assert each.changes / 60 * speed <= max(20, 300)


def test_the_same_seed_makes_the_same_market_and_another_a_different_one() -> None:
    def told(hours: Hours) -> list[tuple[int, int, int, str]]:
        return [(u.ts, u.change.price, u.change.remaining, u.change.reason) for u in hours.updates]

    assert told(Hours(minutes=3)) == told(Hours(minutes=3))
    assert told(Hours(minutes=3)) != told(Hours(minutes=3, seed=4))


def test_an_order_that_the_path_goes_through_fills_on_top_of_the_bars_volume() -> None:
    recorded = Generator(start=START, price=50_000.0, seed=9).next_day()
    hours = Hours(recorded, minutes=0)
    start = hours.exchange.clock.start
    account = hours.exchange.accounts["primary"]
    price = hours.market.engine.last_price + 2000
    request = OrderRequest(hours.market, "sell", price, 9 * BTC, "", 0, None, "key")
    ticket = hours.exchange.desk.place(account, request)
    while ticket.is_live and hours.now < 36_000:
        hours.now += 60
        hours.exchange.advance()
    assert ticket.remaining == 0
    assert all(fill.price == price and fill.liquidity == "Maker" for fill in ticket.fills)
    end = start + int(hours.now) * 1000
    hours.now += 60
    hours.exchange.advance()
    minutes = hours.market.candles.between("1m", start, end)
    bars = recorded.between(start, end)
    assert sum(row[5] for row in minutes) - bars.volume.sum() > 7


def test_volatility_comes_in_clusters() -> None:
    bars = Generator(start=0, price=100.0, seed=2).next_day()
    moves = np.log(bars.high / bars.low)
    distances = moves - moves.mean()
    for lag in (1, 10, 60):
        correlation = (distances[:-lag] * distances[lag:]).mean() / moves.var()
        assert correlation > 0.1


GEMINI = """Unix Timestamp,Date,Symbol,Open,High,Low,Close,Volume
1.61888E+12,4/20/2021 0:04,BTCUSD,11,13,10,12,2
1.61888E+12,4/20/2021 0:03,BTCUSD,11,13,10,12,2
1.61888E+12,4/20/2021 0:02,BTCUSD,11,13,10,12,2.5
1.61888E+12,4/20/2021 0:00,BTCUSD,10,12,9,11,1.5
"""
BITFINEX = """1618876800000,10,11,12,9,1.5
1618876920000,11,12,13,10,2.5
1618876980000,11,12,13,10,2
1618877040000,11,12,13,10,2
"""
KAGGLE = """Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price
1618876800,10,12,9,11,1.5,15,10
1618876860,NaN,NaN,NaN,NaN,NaN,NaN,NaN
1618876920,11,13,10,12,2.5,27,11
1618876980,11,13,10,12,2,27,11
1618877040,11,13,10,12,2,27,11
"""


@pytest.mark.parametrize("text", [GEMINI, BITFINEX, KAGGLE])
@pytest.mark.parametrize("zipped", [False, True])
def test_each_form_of_minute_file_is_read_alike(tmp_path: Path, text: str, zipped: bool) -> None:
    path = tmp_path / "bars.csv"
    path.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    bars = read_bars(str(path))
    assert bars.step == MINUTE
    assert bars.ts.tolist() == [1618876800000, 1618876920000, 1618876980000, 1618877040000]
    first = [c[0] for c in (bars.open, bars.high, bars.low, bars.close, bars.volume)]
    assert first == [10, 12, 9, 11, 1.5]


def test_a_packed_file_that_ends_too_early_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv.gz"
    whole = gzip.compress(KAGGLE.encode() * 1000)
    for part in (whole[: len(whole) // 2], whole[:40] + b"rubbish" + whole[47:], b"no gzip"):
        path.write_bytes(part)
        with pytest.raises(SettingsError, match=r"bars\.csv\.gz"):
            read_bars(str(path))


def test_days_become_minutes_that_add_up_to_them(tmp_path: Path) -> None:
    path = tmp_path / "days.csv"
    lines = ["Date,Open,High,Low,Close,Adj Close,Volume"]
    lines += [f"2020-03-{day:02d},100,120,90,110,110,1100000" for day in range(1, 29)]
    lines[5] = "2020-03-05,,,,,,"
    path.write_text("\n".join(lines) + "\n")
    recorded = read_bars(str(path))
    assert recorded.step == DAY
    clock = ExchangeClock(default_start(recorded), 1.0, monotonic=lambda: 0.0)
    exchange = Exchange(EmulatorSettings(), clock, recorded)
    days = exchange.markets["BTCUSD"].candles.between("1m", clock.start - DAY, clock.start)
    assert days[0][1] == 100
    assert max(row[2] for row in days) == 120
    assert min(row[3] for row in days) == 90
    assert sum(row[5] for row in days) == pytest.approx(10_000)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "none of its first lines has 5 cells"),
        ("a,b,c,d,e\n1,2,3,4,5\n", "its columns are a, b, c, d, e: it has no open"),
        (KAGGLE.replace("1618876920,11,13", "1618876920,11,9"), r"high below low .*row 4"),
        (KAGGLE.replace("1618876920,11,13", "1618876920,14,13"), r"outside low and high .*row 4"),
        (KAGGLE.replace("1618876920", "never"), r"row 4, column Timestamp: 'never'"),
        (KAGGLE.replace("1618876920,11", "1618876920,-11"), r"not above zero .*row 4"),
        (BITFINEX.replace("13,10,2\n", "13,10,-2\n", 1), r"a negative volume .*row 3"),
        ("\n".join(f"{1618876800000 + 3600000 * n},1,1,1,1,1" for n in range(9)), "3600 s apart"),
        (BITFINEX.splitlines()[0], "fewer than two bars"),
    ],
)
def test_a_broken_file_is_refused_in_a_sentence_that_says_where(
    tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "broken.csv"
    path.write_text(text)
    with pytest.raises(SettingsError, match=says):
        read_bars(str(path), strict=True)


def test_a_broken_row_costs_itself_and_is_reported_once(tmp_path: Path) -> None:
    path, told = tmp_path / "broken.csv", []
    path.write_text(KAGGLE.replace("1618876920,11,13", "1618876920,11,9"))
    assert len(read_bars(str(path), tell=told.append).ts) == 3
    (line,) = told
    assert "1 × high below low (rows dropped, first: row 4" in line


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError, match=r"none\.csv does not exist: use the path"):
        read_bars("none.csv")


def test_minutes_without_trades_have_candles_without_volume() -> None:
    recorded = Generator(start=START, price=100.0, seed=1).next_day()
    holes = [index for index in range(len(recorded.ts)) if index % 7 != 3]
    names = ("ts", "open", "high", "low", "close", "volume")
    columns = {name: getattr(recorded, name)[holes] for name in names}
    hours = Hours(Bars(step=MINUTE, **columns), minutes=40)
    rows = hours.market.candles.between("1m", 0, 2**60)
    assert {b[0] - a[0] for a, b in itertools.pairwise(rows)} == {MINUTE}
    for before, row in itertools.pairwise(rows):
        if row[5] == 0:
            assert row[1:5] == [before[4]] * 4
    assert sum(1 for row in rows[-40:] if row[5] == 0) >= 5


def test_the_start_is_well_inside_a_file() -> None:
    days = Generator(start=0, price=100.0, seed=1)
    recorded = joined([days.next_day() for _ in range(36)])
    assert default_start(recorded) == 20 * DAY
    short = joined([days.next_day() for _ in range(2)])
    assert int(short.ts[0]) + DAY < default_start(short) < int(short.ts[-1]) - 8 * 3_600_000
