"""History and model of the stage, without its process and without Kafka."""

import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tradebot import __version__
from tradebot.forecast import model_file
from tradebot.forecast.buffer import SeriesBuffer, digest
from tradebot.forecast.command import command
from tradebot.forecast.messages import Failed, Forecasted, Request
from tradebot.forecast.model_file import Evaluation, ModelCard, ModelFileError
from tradebot.forecast.modeller import Modeller
from tradebot.forecast.models import training
from tradebot.forecast.settings import ForecastSettings
from tradebot.history.bars import MINUTE, Series
from tradebot.history.minutes import Bar
from tradebot.records import ForecastRecord, decode

START = 1_600_000_020_000 // MINUTE * MINUTE


def bar(minute: int, price: float = 10_000.0) -> Bar:
    return Bar(START + minute * MINUTE, price, price, price, price, 1.0, price)


def settings(folder: Path, rows: int = 1500, **more: object) -> ForecastSettings:
    random = np.random.default_rng(0)
    price = 10_000 * np.exp(np.cumsum(random.normal(0, 1e-3, rows)))
    lines = ["ts,open,high,low,close,volume,weighted"]
    for minute, value in enumerate(price):
        cells = [START + minute * MINUTE, value, value, value, value, 1, value]
        lines.append(",".join(map(str, cells)))
    (folder / "minutes.csv").write_text("\n".join(lines))
    given = {"model": "Drift", "state_dir": str(folder / "state"), **more}
    return ForecastSettings(
        history_source="Claim",
        history_file=str(folder / "minutes.csv"),
        **given,  # type: ignore[arg-type]
    )


def started(where: ForecastSettings) -> Modeller:
    modeller = Modeller(where)
    modeller.start()
    return modeller


def record(answer: object) -> ForecastRecord:
    assert isinstance(answer, Forecasted), answer
    return decode(answer.record, ForecastRecord)


def test_a_forecast_begins_with_the_minute_of_now_and_names_its_model(tmp_path: Path) -> None:
    modeller = started(settings(tmp_path))
    now = START + 1510 * MINUTE + 17_000
    said = record(modeller.work(Request([bar(1500)], now)))
    assert said.start == START + 1510 * MINUTE
    assert said.history_end == START + 1500 * MINUTE
    assert (said.fitted_at, said.rows, said.code_version) == (now, 1501, __version__)
    assert len(said.log_price) == 1440
    assert math.exp(said.log_price[0]) == pytest.approx(10_000, rel=0.01)


def test_forecasts_are_marked_evaluated_only_after_an_evaluation(tmp_path: Path) -> None:
    modeller = started(settings(tmp_path))
    assert not record(modeller.work(Request([], 0))).evaluated
    verdict = modeller.evaluate()
    said = record(modeller.work(Request([bar(1500)], 0)))
    assert (said.evaluated, said.score) == (True, verdict.score)
    assert said.evaluated_at == START + 1499 * MINUTE


def test_a_history_too_short_for_an_evaluation_says_so_and_forecasts_on(tmp_path: Path) -> None:
    modeller = started(settings(tmp_path, rows=200))
    assert "minutes of history, there are 200" in modeller.evaluate().reason
    assert not record(modeller.work(Request([], 0))).evaluated


def test_the_last_model_and_its_verdict_serve_after_a_restart_without_a_fit(
    tmp_path: Path,
) -> None:
    where = settings(tmp_path)
    modeller = started(where)
    modeller.work(Request([], 0))
    modeller.evaluate()
    first = record(modeller.work(Request([], 0)))
    answer = started(where).work(Request([bar(1500)], 0))
    assert isinstance(answer, Forecasted)
    again = record(answer)
    assert answer.fit_seconds is None
    assert (again.digest, again.score) == (first.digest, first.score)


@pytest.mark.parametrize(
    "other", [{"model_options": '{"memory": 100}'}, {"history_file": "changed"}]
)
def test_a_model_of_other_parameters_or_other_data_is_left_aside(
    tmp_path: Path, other: dict[str, str]
) -> None:
    where = settings(tmp_path)
    started(where).work(Request([], 0))
    if "history_file" in other:
        text = (tmp_path / "minutes.csv").read_text().splitlines()
        (tmp_path / "minutes.csv").write_text("\n".join([text[0], *text[2:]]))
    else:
        where = msgspec.structs.replace(where, **other)
    answer = started(where).work(Request([], 0))
    assert isinstance(answer, Forecasted)
    assert answer.fit_seconds is not None


def test_a_broken_model_file_is_left_aside(tmp_path: Path) -> None:
    where = settings(tmp_path)
    started(where).work(Request([], 0))
    (path,) = (tmp_path / "state").rglob("*.model")
    path.write_bytes(b"{broken")
    assert isinstance(started(where).work(Request([], 0)), Forecasted)


def test_recorded_minutes_are_there_after_a_restart(tmp_path: Path) -> None:
    where = settings(tmp_path)
    started(where).work(Request([bar(1500, 11_000), bar(1502, 11_500)], 0))
    again = Modeller(where)
    assert again.start().history_end == START + 1502 * MINUTE


def test_a_training_that_was_broken_off_is_taken_up_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = '{"lookback": 10, "units": 3, "epochs": 3}'
    where = settings(tmp_path, model="Lstm", model_options=options)

    def broken_off(*arguments: object) -> None:
        keep(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    keep = training._keep
    monkeypatch.setattr(training, "_keep", broken_off)
    with pytest.raises(KeyboardInterrupt):
        started(where).work(Request([], 0))
    (checkpoint,) = (tmp_path / "state").rglob("*.checkpoint")
    epochs: list[float] = []
    epoch = training._epoch
    monkeypatch.setattr(training, "_keep", keep)
    monkeypatch.setattr(training, "_epoch", lambda *given: epochs.append(1) or epoch(*given))
    assert isinstance(started(where).work(Request([], 0)), Forecasted)
    assert len(epochs) == 2
    assert not checkpoint.exists()


def test_a_slow_model_forecasts_from_new_minutes_between_two_trainings(tmp_path: Path) -> None:
    options = '{"lookback": 10, "units": 3, "epochs": 1}'
    where = settings(tmp_path, model="Lstm", model_options=options, train_minutes=60)
    modeller = started(where)
    fits = []
    for minute in (1500, 1530, 1559, 1560, 1561):
        answer = modeller.work(Request([bar(minute)], START + minute * MINUTE))
        assert isinstance(answer, Forecasted), answer
        fits.append(answer.fit_seconds is not None)
        assert record(answer).history_end == START + minute * MINUTE
    assert fits == [True, False, False, True, False]


def test_a_model_that_forecasts_no_numbers_publishes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradebot.forecast.models.baselines import Drift
    from tradebot.forecast.protocol import Path as ForecastPath

    broken = np.full(1440, np.nan)
    monkeypatch.setattr(
        Drift, "forecast", lambda *_arguments: ForecastPath(START, broken, broken, broken)
    )
    answer = started(settings(tmp_path)).work(Request([], 0))
    assert isinstance(answer, Failed)
    assert "not finite" in answer.reason


def test_memory_is_bounded_by_the_rows_that_are_kept(tmp_path: Path) -> None:
    modeller = started(settings(tmp_path, max_rows=300))
    for minute in range(1500, 4000, 100):
        modeller.work(Request([bar(minute + step) for step in range(100)], 0))
    said = record(modeller.work(Request([], 0)))
    assert said.rows < 300 + 3 * 240 + 60 + 360 + 1024


@given(st.lists(st.integers(1, 400), max_size=12), st.integers(0, 500))
def test_a_buffer_shows_the_newest_rows_however_they_came(portions: list[int], keep: int) -> None:
    total = sum(portions) + 10
    whole = Series(np.arange(total, dtype=np.int64) * MINUTE, np.arange(total) / 7)
    buffer = SeriesBuffer(Series(whole.ts[:10], whole.log_price[:10]), keep)
    at = 10
    for portion in portions:
        before = buffer.series
        seen = before.ts.copy()
        # Known minutes may come again.
        part = slice(max(0, at - 5), at + portion)
        buffer.append(Series(whole.ts[part], whole.log_price[part]))
        assert np.array_equal(before.ts, seen)
        at += portion
    shown = buffer.series
    least = min(total, keep or total)
    assert np.array_equal(shown.ts[-least:], whole.ts[total - least :])
    assert np.array_equal(shown.ts, whole.ts[total - len(shown) :])
    assert buffer.digest == digest(shown)


CARD = ModelCard(
    model="Drift",
    symbol="BTCUSD",
    parameters={},
    history_start=0,
    history_end=MINUTE,
    rows=2,
    data_digest="d",
    code_version="1",
    fitted_at=2 * MINUTE,
    fit_seconds=0.1,
)
VERDICT = Evaluation(
    evaluated_at=0,
    score=0.1,
    score_low=0.0,
    score_high=0.2,
    mae=1.0,
    mae_persistence=1.0,
    directional=None,
    directional_low=None,
    directional_high=None,
    coverage=0.8,
    interval=0.8,
    net=0.0,
    fee_bps=40.0,
    folds=1,
    forecasts=2,
)


def test_a_model_file_carries_its_card(tmp_path: Path) -> None:
    path = tmp_path / "models" / "one.model"
    card = msgspec.structs.replace(CARD, evaluation=VERDICT)
    model_file.save(path, card, b"\x00weights\n")
    assert model_file.load(path) == (card, b"\x00weights\n")
    assert card.digest == CARD.digest
    assert msgspec.structs.replace(CARD, rows=3).digest != CARD.digest
    with pytest.raises(ModelFileError, match="No such file"):
        model_file.load(tmp_path / "none.model")


def test_a_model_without_evaluation_or_too_old_is_refused_with_the_reason() -> None:
    good = msgspec.structs.replace(CARD, evaluation=VERDICT)
    assert model_file.refusal(good, now=10 * MINUTE, max_age_minutes=30) is None
    unproven = model_file.refusal(CARD, now=10 * MINUTE, max_age_minutes=30)
    assert unproven is not None
    assert "was never evaluated: run `tradebot forecast evaluate`" in unproven
    old = model_file.refusal(good, now=100 * MINUTE, max_age_minutes=30)
    assert old is not None
    assert "was fitted 98 minutes ago; the limit is 30" in old


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"history_source": "Url"}, "history_file is empty: set the file with --history-file"),
        ({"model_options": "[1]"}, "use a JSON object"),
        ({"model_options": "{"}, "model_options is '{'"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(
    given: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence.replace("{", r"\{")):
        ForecastSettings(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--model", "Oracle"], "model is 'Oracle': use one of"),
        (["--model-options", "[]"], "use a JSON object"),
        (["--horizon-minutes", "1"], "--horizon-minutes is '1': use 2 or more"),
    ],
)
def test_a_wrong_flag_is_one_clear_sentence_before_anything_is_connected(
    flags: list[str], sentence: str
) -> None:
    said = CliRunner().invoke(command, flags)
    assert said.exit_code == 2
    assert sentence in said.output
    assert "Traceback" not in said.output
