"""Training at intervals: a new model replaces the old one only if it is not worse.

    learnt from: the window ......... | embargo | hold-out | now

The new model learns from what ends before the hold-out, and is used as it was scored. The old model
was trained at least an interval ago, and the hold-out is at most half of one, so neither model has
seen it. Both forecast the same minutes from the same moments.
"""

from typing import Final

import msgspec

from tradebot.forecast.evaluation.evaluate import evaluation_of
from tradebot.forecast.evaluation.scores import ModelScore, TradeCost, score_of
from tradebot.forecast.evaluation.splits import Fold, SplitError
from tradebot.forecast.evaluation.walk import fixed, walk
from tradebot.forecast.model_file import Evaluation, HoldOut, ModelCard
from tradebot.forecast.models.baselines import Persistence
from tradebot.forecast.protocol import Forecaster
from tradebot.history.bars import MINUTE, Series
from tradebot.platform.spans import span_ms
from tradebot.records import TrainingRecord

STRIDE: Final = 30
"""Minutes between two forecasts of the hold-out, and the embargo before it."""
LONGEST_HOLDOUT: Final = 240
LEAST: Final = 360
"""Minimum minutes to learn from, unless the window is shorter."""


class Schedule(msgspec.Struct, frozen=True):
    """How often to train, and on how many of the newest minutes; both in minutes."""

    every: int
    window: int

    @classmethod
    def of(cls, hours: int, window: str) -> "Schedule | None":
        """Returns the schedule; `None` for 0 hours.

        >>> Schedule.of(24, "30d")
        Schedule(every=1440, window=43200)
        """
        if not hours:
            return None
        return cls(hours * 60, span_ms(window, "retrain_window") // MINUTE)

    @property
    def holdout(self) -> int:
        """Minutes of the hold-out: half an interval, at most four hours."""
        return min(LONGEST_HOLDOUT, self.every // 2 // STRIDE * STRIDE)

    @property
    def needed(self) -> int:
        """Newest minutes that a training looks at."""
        return self.window + STRIDE + self.holdout

    def fold(self, series: Series) -> Fold:
        """Returns the hold-out at the end of `series`."""
        end = series.end + MINUTE
        start = end - self.holdout * MINUTE
        return Fold(start - STRIDE * MINUTE, start, end)

    def learnt(self, series: Series) -> Series:
        """Returns the minutes that a new model learns from."""
        end = self.fold(series).train_end
        return series.between(end - self.window * MINUTE, end)

    def is_possible(self, series: Series) -> bool:
        """Whether enough minutes are known before the hold-out."""
        return len(self.learnt(series)) >= min(LEAST, self.window)

    def next_at(self, card: ModelCard) -> int:
        """Returns when to train again, ms of exchange time."""
        return max(card.fitted_at, card.tried_at) + self.every * MINUTE

    def training(self, card: ModelCard) -> TrainingRecord:
        """Returns what a forecast's record says of the card."""
        found = card.holdout
        return TrainingRecord(
            window_start=card.history_start,
            window_end=card.history_end,
            next_at=self.next_at(card),
            holdout_start=found.start if found else 0,
            holdout_end=found.end if found else 0,
            score=found.score if found else None,
            persistence=found.persistence if found else None,
            previous=found.previous if found else None,
            rejected=card.rejected,
        )

    def is_due(self, card: ModelCard, series: Series, now: int) -> bool:
        """Whether to train: an interval has passed, or the model has no hold-out score yet."""
        if now >= self.next_at(card):
            return True
        return card.holdout is None and not card.tried_at and self.is_possible(series)


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The new model's scores on the hold-out, and the old model's log score if there is one."""

    new: ModelScore
    plain: ModelScore
    old: float | None
    fold: Fold

    @property
    def accepted(self) -> bool:
        """Whether the new model is not worse."""
        return self.old is None or self.new.log_score >= self.old

    def evaluation(self, fee_bps: float) -> Evaluation:
        """The new model's scores as an evaluation."""
        return evaluation_of(self.new, self.plain, end=self.fold.test_end, fee_bps=fee_bps, folds=1)

    @property
    def holdout(self) -> HoldOut:
        """The comparison as the new model's card has it."""
        return HoldOut(
            start=self.fold.test_start,
            end=self.fold.test_end,
            score=self.new.log_score,
            persistence=self.plain.log_score,
            previous=self.old,
        )


def compare(
    new: Forecaster, old: Forecaster | None, series: Series, schedule: Schedule, fees: TradeCost
) -> Comparison:
    """Scores both models, as they are, on the hold-out of `series`.

    Raises:
        SplitError: nobody traded in the hold-out.
    """
    fold = schedule.fold(series)
    baseline = walk(Persistence, series, [fold], STRIDE)
    if not baseline.seen.any():
        raise SplitError(f"nobody traded in the last {schedule.holdout} minutes")

    def scored(name: str, model: Forecaster) -> ModelScore:
        return score_of(name, fixed(model, series, fold, STRIDE), baseline, fees, 0.0)

    return Comparison(
        new=scored(new.name, new),
        plain=score_of(Persistence.name, baseline, baseline, fees, 0.0),
        old=None if old is None else scored(old.name, old).log_score,
        fold=fold,
    )
