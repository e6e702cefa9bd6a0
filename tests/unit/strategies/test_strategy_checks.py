"""The findings of `tradebot strategy check`, and where a lookahead is refused."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tradebot import strategies
from tradebot.backtest.check import command as check
from tradebot.backtest.command import command as backtest
from tradebot.history.arrays import Bars, Flows, Predictions
from tradebot.platform.settings import SettingsError
from tradebot.strategies import listing
from tradebot.strategies.checks import determinism, lookahead, warm_up
from tradebot.strategies.checks.rows import Candidate, wanted
from tradebot.strategies.loading import LoadedStrategy

HOUR = 3_600_000
HEAD = """
import numpy as np
from tradebot.strategies import Orders, Strategy
def orders(side):
    return Orders(side=np.asarray(side, np.int8), size=np.ones(len(side)))
"""
PEEKS_AT_THE_NEXT_BAR = """
def signals(bars):
    side = np.zeros(len(bars.ts))
    side[:-1] = bars.close[1:] > bars.close[:-1] * 1.02
    return orders(side)
"""
SCALES_BY_ALL_PRICES = """
def signals(bars):
    return orders(bars.close > bars.close.mean())
"""
PEEKS_AT_THE_NEXT_FLOW = """
def signals(bars):
    side = np.zeros(len(bars.ts))
    side[:-1] = bars.ratio[1:] > 1
    return orders(side)
"""
REACHES_BEHIND_THE_MARKET = """
class Reaching(Strategy):
    def on_bar(self, market):
        later = market._bars.close[market.index + 1 : market.index + 2]
        if len(later) and later[0] > market.close:
            market.buy(fraction=0.5)
"""
HONEST = """
WARMUP = 20
def signals(bars):
    mean = np.convolve(bars.close, np.full(20, 0.05))[: len(bars.ts)]
    return orders(np.where(np.arange(len(bars.ts)) >= 20, np.sign(bars.close - mean), 0))
"""
HONEST_CLASS = """
WARMUP = 20
class Breakout(Strategy):
    def on_bar(self, market):
        highs = market.history("high", 21)
        if market.bought:
            market.sell(limit=market.close * 1.05)
        elif len(highs) == 21 and market.close > highs[:-1].max():
            market.buy(fraction=0.5, stop=market.close * 1.001)
"""
DRAWS_AT_RANDOM = """
def signals(bars):
    return orders(np.random.default_rng().integers(-1, 2, len(bars.ts)))
"""
HASHES = """
def signals(bars):
    return orders([hash(str(ts)) % 3 - 1 for ts in bars.ts])
"""


@pytest.fixture
def bars() -> Bars:
    random, rows = np.random.default_rng(3), 600
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.02, rows)))
    opening = np.concatenate([[100.0], close[:-1]])
    ts = 1_600_000_000_000 // HOUR * HOUR + np.arange(rows, dtype=np.int64) * HOUR
    ratio = np.exp(random.normal(0, 1, rows))
    ones = np.full(rows, 1e6)
    return Bars(
        ts=ts,
        open=opening,
        high=np.maximum(opening, close),
        low=np.minimum(opening, close),
        close=close,
        volume=ones,
        step=HOUR,
        flows=Flows(bid=ratio * 1e6, ask=ones, ratio=ratio, complete=np.full(rows, True)),
        forecasts={
            "FastProphet": Predictions(
                log_price=np.log(close),
                log_price_next=np.log(close) + random.choice([-1e-3, 1e-3], rows),
                history_end=ts,
            )
        },
    )


def loaded(folder: Path, text: str) -> LoadedStrategy:
    path = folder / "mine.py"
    path.write_text(text if text.lstrip().startswith(("from", "import", '"""')) else HEAD + text)
    return strategies.load(str(path))


@pytest.mark.parametrize(
    "text",
    [
        PEEKS_AT_THE_NEXT_BAR,
        SCALES_BY_ALL_PRICES,
        PEEKS_AT_THE_NEXT_FLOW,
        REACHES_BEHIND_THE_MARKET,
    ],
)
def test_a_strategy_that_looks_ahead_is_refused_with_the_first_row_that_changed(
    tmp_path: Path, bars: Bars, text: str
) -> None:
    with pytest.raises(SettingsError, match=r"mine\.py looks ahead: the row of bar \d+ \(2020-"):
        lookahead.refuse(loaded(tmp_path, text), bars)


@pytest.mark.parametrize("text", [HONEST, HONEST_CLASS])
def test_an_honest_strategy_passes_every_check(tmp_path: Path, bars: Bars, text: str) -> None:
    mine = loaded(tmp_path, text)
    lookahead.refuse(mine, bars)
    rows = Candidate(mine).rows
    assert lookahead.check(rows, bars, 20).passed
    assert warm_up.check(rows, bars, mine.warmup).passed


@pytest.mark.parametrize(
    "name", ["BuyAndHold", "DollarCost", "FlowImbalance", "Report", "SmaCross"]
)
def test_every_built_in_is_honest_and_its_warm_up_is_long_enough(name: str, bars: Bars) -> None:
    built_in = strategies.load(name)
    rows = Candidate(built_in).rows
    assert lookahead.check(rows, bars, 20).passed
    found = warm_up.check(rows, bars, built_in.warmup)
    assert found.passed, found.reason


@pytest.mark.parametrize("text", [HONEST, HONEST_CLASS])
def test_a_warm_up_that_is_too_short_is_found_with_its_row(
    tmp_path: Path, bars: Bars, text: str
) -> None:
    rows = Candidate(loaded(tmp_path, text)).rows
    found = warm_up.check(rows, bars, 5)
    assert not found.passed
    assert found.bar is not None and found.ts == bars.ts[found.bar]
    assert "declare a longer WARMUP" in found.reason


PAGE = Path(__file__).parents[3] / "docs" / "strategies.md"


@pytest.mark.parametrize("number", [0, 1])
def test_each_strategy_of_the_page_passes_every_check(
    tmp_path: Path, bars: Bars, number: int
) -> None:
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[number]
    assert len(code.splitlines()) < 40
    mine = loaded(tmp_path, code)
    rows = Candidate(mine).rows
    assert lookahead.check(rows, bars, 20).passed
    assert warm_up.check(rows, bars, mine.warmup).passed
    assert any(wanted(row) != "nothing" for row in rows(bars))


def test_data_too_short_for_the_warm_up_says_so(tmp_path: Path, bars: Bars) -> None:
    rows = Candidate(loaded(tmp_path, HONEST)).rows
    found = warm_up.check(rows, bars.rows(0, 30), 20)
    assert found.reason == "30 bars are too few to check a warm-up of 20: use longer data"


@pytest.mark.parametrize(
    ("text", "where"), [(DRAWS_AT_RANDOM, "a second run"), (HASHES, "another process")]
)
def test_what_differs_from_run_to_run_is_found(
    tmp_path: Path, bars: Bars, text: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = loaded(tmp_path, text)
    found = determinism.check(Candidate(mine).rows, bars, str(tmp_path / "mine.py"), {}, None)
    assert not found.passed and f"but in {where}" in found.reason


def prices(folder: Path, bars: Bars) -> Path:
    path = folder / "prices.csv"
    rows = ["ts,open,high,low,close,volume"]
    columns = (bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume)
    rows += [",".join(str(cell) for cell in row) for row in zip(*columns, strict=True)]
    path.write_text("\n".join(rows) + "\n")
    return path


def test_the_command_fails_and_says_in_json_which_check_did(tmp_path: Path, bars: Bars) -> None:
    loaded(tmp_path, PEEKS_AT_THE_NEXT_BAR)
    data, file = str(prices(tmp_path, bars)), str(tmp_path / "mine.py")
    done = CliRunner().invoke(check, [file, "--data", data, "--json"])
    assert done.exit_code == 1, done.output
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["passed"] is False
    assert found["checks"]["lookahead"]["bar"] >= 0
    assert found["checks"]["determinism"]["passed"] is True
    assert found["checks"]["speed"]["milliseconds"] > 0


def test_a_backtest_of_a_strategy_that_looks_ahead_is_refused(tmp_path: Path, bars: Bars) -> None:
    loaded(tmp_path, PEEKS_AT_THE_NEXT_BAR)
    arguments = [str(tmp_path / "mine.py"), "--data", str(prices(tmp_path, bars)), "--to", ""]
    done = CliRunner().invoke(backtest, [*arguments, "--resolution", "1h"])
    assert done.exit_code != 0
    assert "mine.py looks ahead: the row of bar" in done.output


def test_the_list_names_parameters_with_their_ranges() -> None:
    found = json.loads(CliRunner().invoke(listing.command, ["--json"]).stdout)["strategies"]
    crossing = next(each for each in found if each["name"] == "SmaCross")
    assert crossing["parameters"][0] == {"name": "fast", "default": 10, "low": 3, "high": 60}
    assert crossing["warmup"] == 31
    shown = CliRunner().invoke(listing.command, []).stdout
    assert "fast=10 (3 to 60)" in shown
