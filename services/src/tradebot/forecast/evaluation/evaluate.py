"""Evaluates forecasters against persistence, drift and seasonal-naive, on the same splits."""

import time
from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from tradebot import __version__
from tradebot.forecast.evaluation import rule
from tradebot.forecast.evaluation.scores import ModelScore, TradeCost, score_of
from tradebot.forecast.evaluation.splits import Fold, folds
from tradebot.forecast.evaluation.walk import Walk, walk
from tradebot.forecast.model_file import Evaluation
from tradebot.forecast.models.baselines import Persistence
from tradebot.forecast.protocol import Forecaster
from tradebot.history.bars import MINUTE, Series

Make = Callable[[], Forecaster]
Progress = Callable[[str, int, int], None]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How to split a history, in minutes, and the cost of trades, in basis points."""

    folds: int = 3
    fold_minutes: int = 1440
    stride_minutes: int = 60
    embargo_minutes: int = 60
    gap_minutes: int = 0
    least_minutes: int = 1440
    fee_bps: float
    edge_bps: float = 0.0

    def cut(self, history: Series) -> list[Fold]:
        """Splits a history into folds.

        Raises:
            SplitError: it is too short.
        """
        return folds(
            history,
            count=self.folds,
            minutes=self.fold_minutes,
            stride=self.stride_minutes,
            embargo=self.embargo_minutes,
            gap=self.gap_minutes,
            least=self.least_minutes,
        )

    @property
    def needed(self) -> int:
        """Returns how many minutes of history the folds need."""
        embargo = max(self.embargo_minutes, self.stride_minutes)
        tested = self.folds * self.fold_minutes + (self.folds - 1) * self.gap_minutes
        return tested + embargo + self.least_minutes

    @property
    def fees(self) -> TradeCost:
        """Returns costs as fractions."""
        return TradeCost(self.fee_bps / 1e4, self.edge_bps / 1e4)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Scores on the same splits, best skill first, and the profit of buying and holding."""

    symbol: str
    history_start: int
    history_end: int
    rows: int
    test_start: int
    test_end: int
    code_version: str
    plan: Plan
    verdicts: list[ModelScore]
    hold_net: float
    hold_gross: float


def evaluate(
    makers: Mapping[str, Make],
    history: Series,
    plan: Plan,
    *,
    symbol: str,
    progress: Progress = lambda _model, _done, _all: None,
) -> tuple[Report, dict[str, Walk]]:
    """Evaluates each model on the plan's folds, and always persistence.

    Raises:
        SplitError: the history is too short.
        NotEnoughHistoryError: it is too short for a model.
    """
    cut = plan.cut(history)
    everyone = {Persistence.name: Persistence, **makers}
    walks: dict[str, Walk] = {}
    seconds: dict[str, float] = {}
    for name, make in everyone.items():
        began = time.perf_counter()
        walks[name] = walk(make, history, cut, plan.stride_minutes, partial(progress, name))
        seconds[name] = time.perf_counter() - began
    baseline = walks[Persistence.name]
    verdicts = [
        score_of(name, walks[name], baseline, plan.fees, seconds[name]) for name in everyone
    ]
    held = rule.hold(baseline.actual, baseline.fold, fee=plan.fees.fee)
    report = Report(
        symbol=symbol,
        history_start=history.start,
        history_end=history.end,
        rows=len(history),
        test_start=cut[0].test_start,
        test_end=cut[-1].test_end,
        code_version=__version__,
        plan=plan,
        verdicts=sorted(verdicts, key=lambda one: -one.skill.value),
        hold_net=held.net,
        hold_gross=held.gross,
    )
    return report, walks


def for_card(report: Report, model: str) -> Evaluation:
    """Returns the evaluation to store in a model's file."""
    by_name = {one.model: one for one in report.verdicts}
    return evaluation_of(
        by_name[model],
        by_name[Persistence.name],
        end=report.test_end,
        fee_bps=report.plan.fee_bps,
        folds=report.plan.folds,
    )


def evaluation_of(
    own: ModelScore, plain: ModelScore, *, end: int, fee_bps: float, folds: int
) -> Evaluation:
    """Returns a model's scores beside persistence's, of tests that end at `end` (ms)."""
    return Evaluation(
        evaluated_at=end - MINUTE,
        score=own.skill.value,
        score_low=own.skill.low,
        score_high=own.skill.high,
        mae=own.mae,
        mae_persistence=plain.mae,
        directional=own.directional.value if own.directional else None,
        directional_low=own.directional.low if own.directional else None,
        directional_high=own.directional.high if own.directional else None,
        coverage=own.coverage,
        interval=own.interval,
        net=own.net,
        fee_bps=fee_bps,
        folds=folds,
        forecasts=own.forecasts,
    )
