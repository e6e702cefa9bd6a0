"""`tradebot backtest`, `tune` and `init` as a user runs them."""

import json
import math
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tradebot.backtest import init, prices
from tradebot.backtest.command import command as backtest
from tradebot.backtest.report.months import monthly_returns
from tradebot.backtest.tune.command import command as tune
from tradebot.backtest.tune.deflated import deflated_sharpe, expected_best, probabilistic_sharpe
from tradebot.backtest.tune.splits import walk_forward
from tradebot.history.arrays import Bars
from tradebot.platform.settings import SettingsError

DAY_MS = 86_400_000


@pytest.fixture
def daily(tmp_path: Path) -> Path:
    random = np.random.default_rng(5)
    close = 100 * np.exp(np.cumsum(random.normal(0.001, 0.03, 800)))
    days = np.datetime64("2019-01-01") + np.arange(800)
    rows = ["Date,Open,High,Low,Close,Adj Close,Volume"]
    rows += [
        f"{day},{c:.4f},{c * 1.01:.4f},{c * 0.99:.4f},{c:.4f},{c:.4f},100000"
        for day, c in zip(days, close, strict=True)
    ]
    path = tmp_path / "daily.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def invoke(command: object, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])  # type: ignore[arg-type]


def test_a_strategy_by_name_prints_the_table_and_writes_a_page_that_needs_nothing_else(
    daily: Path, tmp_path: Path
) -> None:
    report = tmp_path / "out" / "report.html"
    result = invoke(backtest, "SmaCross", "--data", daily, "--report", report)
    assert result.exit_code == 0, result.output
    assert "Conditional value at risk" in result.output
    page = report.read_text()
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert page.count("<svg ") == 4 and 'class="months"' in page
    assert len(page) < 1_000_000


def test_json_ends_with_one_object_of_both_tables(daily: Path, tmp_path: Path) -> None:
    result = invoke(
        backtest, "BuyAndHold", "--data", daily, "--report", tmp_path / "r.html", "--json"
    )
    content = json.loads(result.stdout.splitlines()[-1])
    assert content["strategy"] == content["buy_and_hold"]
    assert content["strategy"]["win_rate"] is None


def test_a_users_class_runs_in_the_event_engine(daily: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from tradebot.strategies import Market, Strategy\n"
        "class Mine(Strategy):\n"
        "    def on_bar(self, market: Market) -> None:\n"
        "        if not market.position:\n"
        "            market.buy(fraction=0.5)\n"
    )
    result = invoke(backtest, file, "--data", daily, "--report", tmp_path / "r.html", "--json")
    assert json.loads(result.stdout.splitlines()[-1])["strategy"]["exposure"] > 0.9


def test_a_users_file_that_fails_names_its_line(daily: Path, tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("x = 1\ny = x / 0\n")
    result = invoke(backtest, file, "--data", daily)
    assert "broken.py, line 2: ZeroDivisionError" in result.output


def test_a_file_without_a_strategy_says_what_it_must_define(daily: Path, tmp_path: Path) -> None:
    file = tmp_path / "empty.py"
    file.touch()
    assert "no strategy: it must define" in invoke(backtest, file, "--data", daily).output


def test_prices_that_are_not_given_are_requested_with_a_way_to_get_them() -> None:
    assert "set a file with --data FILE" in invoke(backtest, "SmaCross").output


def test_a_run_below_thirty_days_says_that_its_growth_is_not_annualised(
    daily: Path, tmp_path: Path
) -> None:
    report = tmp_path / "r.html"
    output = invoke(
        backtest, "BuyAndHold", "--data", daily, "--to", "10d", "--report", report
    ).output
    assert "not annualised below 30 days; this run has 10 d" in " ".join(output.split())


def test_no_figure_is_minus_zero_and_no_arithmetic_warns(tmp_path: Path) -> None:
    rows = [f"2021-01-{day:02},0.004,0.004,0.004,0.004,0.004,1000000" for day in range(1, 11)]
    file = tmp_path / "flat.csv"
    file.write_text("Date,Open,High,Low,Close,Adj Close,Volume\n" + "\n".join(rows) + "\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        result = invoke(backtest, "SmaCross", "--data", file, "--report", tmp_path / "r.html")
    assert result.exit_code == 0, result.output
    assert "-0.00" not in result.output


def test_several_periods_show_a_spread(daily: Path) -> None:
    result = invoke(backtest, "SmaCross", "--data", daily, "--to", "180d", "--periods", 3)
    assert result.exit_code == 0, result.output
    assert "3 runs: worst" in result.output


def test_a_span_that_is_not_one_says_how_to_write_it() -> None:
    with pytest.raises(SettingsError, match="such as 1y or 30d"):
        prices.span_days("one year")


def test_coarser_bars_keep_the_extremes_and_the_volume() -> None:
    ts = np.array([0, 60_000, 300_000, 360_000], np.int64)
    price = np.array([1.0, 3.0, 2.0, 5.0])
    bars = Bars(ts, price, price + 1, price - 1, price, np.ones(4), 60_000)
    coarse = prices.resample(bars, 300_000)
    assert coarse.ts.tolist() == [0, 300_000]
    assert (coarse.open.tolist(), coarse.close.tolist()) == ([1.0, 2.0], [3.0, 5.0])
    assert (coarse.high.tolist(), coarse.low.tolist()) == ([4.0, 6.0], [0.0, 1.0])
    assert coarse.volume.tolist() == [2.0, 2.0]


def test_the_months_of_a_curve_multiply_to_its_whole_return() -> None:
    ts = np.datetime64("2020-11-15", "ms").astype(np.int64) + np.arange(100) * DAY_MS
    equity = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.02, 100)))
    table = monthly_returns(ts, equity, 100.0)
    assert table.years == [2020, 2021]
    assert np.nanprod(1 + table.returns) == pytest.approx(equity[-1] / 100)
    assert math.isnan(table.returns[0, 0])


def test_tests_follow_their_lessons_after_the_purge_and_cover_the_end() -> None:
    splits = walk_forward(1000, 5, 20)
    assert all(split.test_start - split.learn_end == 20 for split in splits)
    assert splits[-1].test_end == 1000
    assert [s.test_end for s in splits[:-1]] == [s.test_start for s in splits[1:]]


def test_useless_trials_are_found_to_be_luck() -> None:
    random = np.random.default_rng(4)
    trials = random.normal(0, 0.01, (200, 1000))
    sharpes = trials.mean(axis=1) / trials.std(axis=1, ddof=1)
    best = trials[np.argmax(sharpes)]
    assert probabilistic_sharpe(best, 0.0) > 0.95
    assert deflated_sharpe(best, sharpes) < 0.95


def test_the_best_of_useless_trials_is_about_what_extreme_values_say() -> None:
    sharpes = np.random.default_rng(9).normal(0, 0.03, (300, 100))
    simulated = float(np.mean(sharpes.max(axis=1)))
    expected = float(np.mean([expected_best(row) for row in sharpes]))
    assert expected == pytest.approx(simulated, rel=0.05)


@pytest.mark.parametrize("method", ["optuna", "grid"])
def test_a_search_shows_promise_and_what_was_kept(daily: Path, method: str) -> None:
    result = invoke(
        tune, "SmaCross", "--data", daily, "--resolution", "1d", "--trials", 9, "--splits", 2,
        "--method", method, "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout.splitlines()[-1])
    assert len(found["splits"]) == 2
    assert set(found["splits"][0]["parameters"]) == {"fast", "slow"}


def test_a_new_project_has_keys_for_its_owner_alone_that_git_ignores(tmp_path: Path) -> None:
    folder = tmp_path / "My Bot"
    result = invoke(init.command, folder, "--symbol", "ETHUSD")
    assert result.exit_code == 0, result.output
    for name in ("api-key", "api-secret"):
        assert (folder / "keys" / name).stat().st_mode & 0o777 == 0o600
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    ignored = subprocess.run(
        ["git", "check-ignore", "keys/api-secret"], cwd=folder, check=True, capture_output=True
    )
    assert ignored.stdout.decode().strip() == "keys/api-secret"
    assert "name: my-bot" in (folder / "bot.yaml").read_text()


def test_a_new_projects_strategy_runs_on_its_prices_and_can_be_tuned(tmp_path: Path) -> None:
    folder = tmp_path / "bot"
    invoke(init.command, folder)
    strategy, hourly = folder / "strategy.py", folder / "prices.csv"
    ran = invoke(
        backtest, strategy, "--data", hourly, "--resolution", "1h", "--report", tmp_path / "r.html"
    )
    assert ran.exit_code == 0, ran.output
    tuned = invoke(
        tune, strategy, "--data", hourly, "--resolution", "1d", "--trials", 4, "--splits", 2
    )
    assert tuned.exit_code == 0, tuned.output


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    assert "exists and is not empty" in invoke(init.command, tmp_path).output
