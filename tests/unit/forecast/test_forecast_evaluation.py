"""Evaluation: splits that do not leak, scores that are right, money after fees."""

import json
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path as FilePath
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tradebot.forecast import protocol
from tradebot.forecast.command import command
from tradebot.forecast.evaluation import page, rule
from tradebot.forecast.evaluation.evaluate import Plan, evaluate, for_card
from tradebot.forecast.evaluation.scores import clustered
from tradebot.forecast.evaluation.splits import SplitError, folds
from tradebot.forecast.evaluation.table import table
from tradebot.forecast.evaluation.walk import Walk, walk
from tradebot.forecast.models.baselines import Drift, Persistence, SeasonalNaive
from tradebot.forecast.protocol import Forecaster, Path
from tradebot.history.bars import MINUTE, Series
from tradebot.platform import extensions
from tradebot.records import FORECASTERS

START = 1_600_000_020_000 // MINUTE * MINUTE
PLAN = Plan(fee_bps=40.0, folds=3, fold_minutes=240, stride_minutes=60, least_minutes=360)


def series_of(price: np.ndarray) -> Series:
    return Series((START + MINUTE * np.arange(len(price))).astype(np.int64), price)


def walk_of(rows: int = 2000, seed: int = 0) -> Series:
    return series_of(9 + np.cumsum(np.random.default_rng(seed).normal(0, 1e-3, rows)))


class Learner(Drift):
    """A drift that is trained once per fold and records its data."""

    name = "Learner"
    slow = True
    learnt: list[int]

    def __init__(self) -> None:
        super().__init__()
        self.learnt = []

    def fit(self, history: Series) -> None:
        self.learnt.append(history.end)
        super().fit(history)


class Oracle(Persistence):
    """Knows the whole series: a model that must not exist."""

    name = "Oracle"
    world: Series

    def forecast(self, history: Series, start: int, steps: int) -> Path:
        row = np.searchsorted(self.world.ts, start + MINUTE * np.arange(steps))
        truth = self.world.log_price[np.minimum(row, len(self.world) - 1)]
        return Path(start, truth, truth - 1e-3, truth + 1e-3)


@given(
    st.integers(1, 5), st.integers(1, 6), st.integers(1, 30), st.integers(0, 90), st.integers(0, 99)
)
def test_no_training_reaches_into_its_test_and_no_test_into_another(
    count: int, strides: int, stride: int, embargo: int, gap: int
) -> None:
    series = walk_of(2000)
    cut = folds(
        series,
        count=count,
        minutes=strides * stride,
        stride=stride,
        embargo=embargo,
        gap=gap,
        least=100,
    )
    assert cut[-1].test_end == series.end + MINUTE
    for fold in cut:
        assert fold.train_end <= fold.test_start - max(embargo, stride) * MINUTE
        assert len(series.until(fold.train_end)) >= 100
        assert len(fold.origins(stride)) == strides
    for before, after in pairwise(cut):
        assert after.test_start - before.test_end == gap * MINUTE


def test_a_history_too_short_says_how_long_it_must_be() -> None:
    with pytest.raises(SplitError, match="need 1140 minutes of history, there are 500"):
        PLAN.cut(walk_of(500))


def test_a_model_trained_once_a_fold_never_saw_the_embargo() -> None:
    series, made = walk_of(), []

    def make() -> Learner:
        made.append(Learner())
        return made[-1]

    cut = PLAN.cut(series)
    walk(make, series, cut, 60)
    assert [model.learnt for model in made] == [[fold.train_end - MINUTE] for fold in cut]


def changed_after(series: Series, row: int) -> list[Series]:
    """The series with its future shifted, shuffled and made wild."""
    random = np.random.default_rng(1)
    past, future = series.log_price[:row], series.log_price[row:]
    wild = random.normal(9, 1, len(future))
    return [
        Series(series.ts, np.concatenate([past, other]))
        for other in (future + 1, random.permutation(future), wild)
    ]


def looks_ahead(make: Callable[[], Forecaster], series: Series) -> bool:
    """Whether a forecast depends on the minute in which it was made, or on a later one."""
    plan = Plan(fee_bps=40.0, folds=2, fold_minutes=60, stride_minutes=60)
    cut = plan.cut(series)
    row = int(np.searchsorted(series.ts, cut[1].test_start))
    truth = walk(make, series, cut, plan.stride_minutes)
    for other in changed_after(series, row):
        said = walk(make, other, cut, plan.stride_minutes)
        for part in ("center", "sigma", "delta"):
            if not np.array_equal(getattr(said, part), getattr(truth, part)):
                return True
    return False


SMALL: dict[str, dict[str, Any]] = {
    "Prophet": {"uncertainty_samples": 50, "max_rows": 500},
    "Lstm": {"lookback": 20, "units": 4, "epochs": 1},
    "YearLstm": {"units": 4, "epochs": 1},
    "IndicatorLstm": {"resolution_minutes": 5, "epochs": 1},
}


@pytest.mark.parametrize("name", extensions.names(FORECASTERS))
def test_what_a_model_says_of_a_minute_does_not_change_with_its_future(name: str) -> None:
    assert not looks_ahead(partial(protocol.make, name, SMALL.get(name)), walk_of())


def test_the_check_finds_a_model_that_looks_ahead() -> None:
    class Peeking(Persistence):
        """Uses the last price of the test's whole series, not of its history."""

        def __init__(self) -> None:
            super().__init__()
            self._seen: Series | None = None

        def forecast(self, history: Series, start: int, steps: int) -> Path:
            whole = history.log_price.base
            last = float(whole[-1]) if whole is not None else 0.0
            center = np.full(steps, last)
            return Path(start, center, center - 1, center + 1)

    assert looks_ahead(Peeking, walk_of())


def test_a_perfect_model_scores_perfectly_and_beats_persistence() -> None:
    series = walk_of()
    Oracle.world = series
    report, said = evaluate({"Oracle": Oracle}, series, PLAN, symbol="BTCUSD")
    oracle, plain = report.verdicts
    assert (oracle.model, plain.model) == ("Oracle", "Persistence")
    assert oracle.mae == pytest.approx(0, abs=1e-12)
    assert oracle.directional is not None
    assert oracle.directional.value == 1
    assert oracle.coverage == 1
    assert oracle.skill.low is not None
    assert oracle.skill.low > 0
    assert plain.skill.value == 0
    assert plain.directional is None
    assert oracle.gross > 0.1
    assert oracle.net < oracle.gross
    assert np.isnan(said["Oracle"].moved).sum() == 1  # the last minute has no next


def test_log_score_and_coverage_are_those_of_the_normal_distribution() -> None:
    count = 20_000
    random = np.random.default_rng(0)
    actual = random.normal(9, 0.01, count)
    said = Walk(
        ts=np.arange(count),
        fold=np.zeros(count, np.int64),
        origin=np.arange(count) // 60,
        center=np.full(count, 9.0),
        sigma=np.full(count, 0.01),
        inside=np.abs(actual - 9) < 0.01 * 1.2815515655446004,
        actual=actual,
        delta=np.zeros(count),
        moved=np.zeros(count),
        interval=0.8,
    )
    expected = -0.5 - np.log(0.01 * np.sqrt(2 * np.pi))
    assert said.log_score().mean() == pytest.approx(expected, abs=0.02)
    assert said.inside.mean() == pytest.approx(0.8, abs=0.01)


def test_minutes_of_one_forecast_count_as_one_when_they_agree() -> None:
    random = np.random.default_rng(0)
    draws = random.integers(0, 2, 100).astype(float)
    cluster = np.repeat(np.arange(100), 60)
    together = clustered(np.repeat(draws, 60), cluster)
    apart = clustered(draws, np.arange(100))
    assert together.low == pytest.approx(apart.low)
    assert together.high == pytest.approx(apart.high)


@pytest.mark.parametrize(("forecasts", "reach"), [(2, 12.7062047), (3, 4.3026527), (30, 2.0452296)])
def test_the_interval_of_few_forecasts_is_students(forecasts: int, reach: float) -> None:
    values = np.random.default_rng(forecasts).normal(0, 1, forecasts)
    found = clustered(values, np.arange(forecasts))
    error = values.std(ddof=1) / np.sqrt(forecasts)
    assert found.low is not None
    assert found.value - found.low == pytest.approx(reach * error, rel=1e-6)


def test_a_single_forecast_has_no_interval() -> None:
    assert clustered(np.ones(5), np.zeros(5, np.int64)).low is None


def test_the_rule_buys_before_a_rise_sells_before_a_fall_and_pays_each_time() -> None:
    price = np.log([100.0, 110.0, 110.0, 99.0])
    delta = np.array([1.0, -1.0, -1.0, -1.0])
    fold = np.zeros(4, np.int64)
    profit = rule.follow(delta, price, fold, fee=0.01)
    assert profit.gross == pytest.approx(0.1)
    assert profit.trades == 2
    assert profit.net == pytest.approx(1.1 * 0.99**2 - 1)
    assert rule.hold(price, fold, fee=0.0).net == pytest.approx(-0.01)


def test_the_rule_ends_each_test_flat_and_waits_where_nothing_was_traded() -> None:
    price = np.log([100.0, 120.0, np.nan, 50.0, 60.0])
    delta = np.array([1.0, 1.0, 1.0, -1.0, 1.0])
    fold = np.array([0, 0, 1, 1, 1])
    profit = rule.follow(delta, price, fold, fee=0.0)
    assert profit.gross == pytest.approx(0.2)
    assert profit.trades == 4


def test_an_edge_keeps_the_rule_from_small_rises() -> None:
    price, fold = np.log([100.0, 101.0]), np.zeros(2, np.int64)
    assert rule.follow(np.array([0.001, 0.0]), price, fold, fee=0, edge=0.01).trades == 0


def test_the_table_and_the_page_show_every_model_and_buy_and_hold(tmp_path: FilePath) -> None:
    series = walk_of()
    makers = {"Drift": Drift, "SeasonalNaive": SeasonalNaive}
    report, said = evaluate(makers, series, PLAN, symbol="BTCUSD")
    text = table(report)
    for name in ("Persistence", "Drift", "SeasonalNaive", "buy-and-hold"):
        assert f"| {name}" in text
    page.write(tmp_path / "report.html", report, said)
    html = (tmp_path / "report.html").read_text()
    assert "<td>SeasonalNaive</td>" in html
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")
    assert "Directions that were right" in html and ">50%</text>" in html
    card = for_card(report, "Drift")
    assert (card.folds, card.forecasts) == (3, 12)


def write(path: FilePath, series: Series) -> None:
    lines = ["ts,open,high,low,close,volume,weighted"]
    for ts, log_price in zip(series.ts, series.log_price, strict=True):
        price = float(np.exp(log_price))
        lines.append(f"{ts},{price},{price},{price},{price},1,{price}")
    path.write_text("\n".join(lines))


def test_the_command_prints_the_table_and_its_json_on_the_last_line(tmp_path: FilePath) -> None:
    write(tmp_path / "minutes.csv", walk_of(2000))
    flags = ["evaluate", "--history-file", str(tmp_path / "minutes.csv"), "--models", "FastProphet"]
    flags += ["--folds", "2", "--fold-minutes", "60", "--stride-minutes", "30", "--json"]
    said = CliRunner().invoke(command, flags)
    assert said.exit_code == 0, said.output
    report = json.loads(said.stdout.splitlines()[-1])
    assert {one["model"] for one in report["verdicts"]} == {
        *("Persistence", "Drift", "SeasonalNaive", "FastProphet")
    }


def test_the_command_says_what_is_missing(tmp_path: FilePath) -> None:
    said = CliRunner().invoke(command, ["evaluate"])
    assert (said.exit_code, "history_file is empty" in said.output) == (2, True)
    write(tmp_path / "minutes.csv", walk_of(100))
    said = CliRunner().invoke(
        command, ["evaluate", "--history-file", str(tmp_path / "minutes.csv")]
    )
    assert (said.exit_code, "minutes of history, there are 100" in said.output) == (2, True)
