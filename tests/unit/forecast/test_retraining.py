"""Training at intervals: what a new model learns from, and when it replaces the old one."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot.forecast import protocol
from tradebot.forecast.messages import Forecasted, Request
from tradebot.forecast.model_file import ModelCard
from tradebot.forecast.modeller import Modeller
from tradebot.forecast.protocol import Path as Forecast
from tradebot.forecast.retraining import STRIDE, Schedule
from tradebot.forecast.settings import ForecastSettings
from tradebot.history.bars import MINUTE, Series
from tradebot.history.minutes import Bar
from tradebot.records import ForecastRecord, decode

START = 1_600_000_020_000 // MINUTE * MINUTE
HOUR = 60


class Toy:
    """Forecasts a constant that the test sets, and notes what it is given to learn from."""

    name = "Toy"
    max_rows = 0
    slow = False
    parameters: ClassVar[dict[str, Any]] = {}
    value = 0.0
    fails = False
    learnt: ClassVar[list[Series]] = []

    def fit(self, history: Series) -> None:
        if Toy.fails:
            raise RuntimeError("no memory is left")
        Toy.learnt.append(history)
        self._value = Toy.value

    def forecast(self, history: Series, start: int, steps: int) -> Forecast:
        assert not len(history) or history.end < start
        path = np.full(steps, self._value)
        return Forecast(start, path, path - 0.01, path + 0.01)

    def dump(self) -> bytes:
        return str(self._value).encode()

    def restore(self, state: bytes) -> None:
        self._value = float(state)


class Memory:
    """Keeps a model as a topic does: another process finds it."""

    kept: tuple[ModelCard, bytes] | None = None

    def load(self) -> tuple[ModelCard, bytes] | None:
        return self.kept

    def save(self, card: ModelCard, state: bytes) -> None:
        self.kept = card, state


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "make", lambda _name, _options=None: Toy())
    monkeypatch.setattr(Toy, "learnt", [])
    monkeypatch.setattr(Toy, "value", 0.0)
    monkeypatch.setattr(Toy, "fails", False)


def bars(first: int, last: int) -> list[Bar]:
    """Minutes whose log price is 0."""
    return [Bar(START + n * MINUTE, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0) for n in range(first, last)]


def modeller(folder: Path, store: Memory, rows: int = 1500) -> Modeller:
    lines = ["ts,open,high,low,close,volume,weighted"]
    lines += [f"{bar.ts},1,1,1,1,1,1" for bar in bars(0, rows)]
    (folder / "minutes.csv").write_text("\n".join(lines))
    made = Modeller(
        ForecastSettings(
            model="Drift", history_source="Claim", history_file=str(folder / "minutes.csv"),
            retrain_hours=4, retrain_window="10h",
        ),
        store=store,
    )  # fmt: skip
    made.start()
    return made


def forecast(made: Modeller, first: int, last: int) -> ForecastRecord:
    """Adds minutes, and returns the next forecast."""
    answer = made.work(Request(bars(first, last), START + last * MINUTE))
    assert isinstance(answer, Forecasted), answer
    return decode(answer.record, ForecastRecord)


@given(every=st.integers(1, 200), window=st.integers(1, 5000), rows=st.integers(1, 3000))
def test_neither_model_has_seen_the_holdout(every: int, window: int, rows: int) -> None:
    schedule = Schedule(every * HOUR, window)
    series = Series(START + MINUTE * np.arange(rows, dtype=np.int64), np.zeros(rows))
    fold, learnt = schedule.fold(series), schedule.learnt(series)
    assert fold.test_end == series.end + MINUTE
    assert fold.test_end - fold.test_start == schedule.holdout * MINUTE >= STRIDE * MINUTE
    assert not len(learnt) or learnt.end < fold.test_start - (STRIDE - 1) * MINUTE
    assert len(learnt) <= window
    # The old model knew nothing after its own training, an interval ago.
    assert fold.test_start >= series.end - schedule.every * MINUTE


def test_a_model_is_trained_on_the_window_before_the_holdout_and_says_how_it_did(
    tmp_path: Path,
) -> None:
    made = modeller(tmp_path, Memory())
    said = forecast(made, 1500, 1501)
    (learnt,) = Toy.learnt
    end = START + 1501 * MINUTE
    assert learnt.end == end - (120 + STRIDE + 1) * MINUTE
    assert len(learnt) == said.rows == 600
    assert said.training is not None and said.evaluated
    assert (said.training.holdout_start, said.training.holdout_end) == (end - 120 * MINUTE, end)
    assert (said.training.window_start, said.training.window_end) == (learnt.start, learnt.end)
    assert said.training.score is not None and said.training.persistence is not None
    assert said.training.previous is None
    assert said.training.next_at == said.fitted_at + 240 * MINUTE


def test_between_two_trainings_the_same_model_forecasts_from_newer_minutes(tmp_path: Path) -> None:
    made = modeller(tmp_path, Memory())
    first = forecast(made, 1500, 1501)
    second = forecast(made, 1501, 1700)
    assert (second.digest, second.fitted_at) == (first.digest, first.fitted_at)
    assert second.history_end > first.history_end
    assert len(Toy.learnt) == 1


def test_a_better_model_replaces_the_old_one_and_shows_both_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Toy, "value", 0.5)
    made = modeller(tmp_path, Memory())
    old = forecast(made, 1500, 1501)
    monkeypatch.setattr(Toy, "value", 0.0)
    new = forecast(made, 1501, 1741)
    assert new.digest != old.digest
    assert new.training is not None and new.training.score is not None
    assert new.training.previous is not None and new.training.score > new.training.previous
    assert new.log_price[0] == 0.0


def test_a_worse_model_is_not_used_and_the_next_one_is_trained_an_interval_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Memory()
    made = modeller(tmp_path, store)
    old = forecast(made, 1500, 1501)
    monkeypatch.setattr(Toy, "value", 0.5)
    kept = forecast(made, 1501, 1741)
    assert (kept.digest, kept.log_price[0]) == (old.digest, 0.0)
    assert kept.training is not None and kept.training.rejected is not None
    assert kept.training.next_at == START + (1741 + 240) * MINUTE
    forecast(made, 1741, 1900)
    assert len(Toy.learnt) == 2
    assert store.kept is not None and store.kept[0].rejected == kept.training.rejected


def test_an_equal_model_replaces_the_old_one(tmp_path: Path) -> None:
    made = modeller(tmp_path, Memory())
    old = forecast(made, 1500, 1501)
    new = forecast(made, 1501, 1741)
    assert new.training is not None and new.training.score == new.training.previous
    assert new.fitted_at > old.fitted_at


def test_a_training_that_fails_costs_nothing_but_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = modeller(tmp_path, Memory())
    old = forecast(made, 1500, 1501)
    monkeypatch.setattr(Toy, "fails", True)
    kept = forecast(made, 1501, 1741)
    assert kept.digest == old.digest
    assert kept.training is not None and kept.training.next_at > old.fitted_at + 240 * MINUTE


def test_another_process_goes_on_with_the_model_that_was_kept(tmp_path: Path) -> None:
    store = Memory()
    old = forecast(modeller(tmp_path, store), 1500, 1501)
    again = forecast(modeller(tmp_path, store), 1501, 1600)
    assert (again.digest, again.fitted_at) == (old.digest, old.fitted_at)
    assert again.training == old.training
    assert len(Toy.learnt) == 1


def test_a_short_history_is_learnt_whole_until_a_holdout_is_possible(tmp_path: Path) -> None:
    made = modeller(tmp_path, Memory(), rows=300)
    first = forecast(made, 300, 301)
    assert not first.evaluated and first.rows == 301
    assert first.training is not None and first.training.score is None
    later = forecast(made, 301, 520)
    assert later.evaluated and later.digest != first.digest


@pytest.mark.parametrize("given", [{"retrain_hours": 4}, {"retrain_window": "4h"}])
def test_an_interval_and_a_window_need_each_other(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="need each other"):
        ForecastSettings(**given)
