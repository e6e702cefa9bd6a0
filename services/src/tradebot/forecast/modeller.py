"""The stage's history and model: takes new minutes and returns whole forecasts.

It runs in its own process, but does not depend on that.
"""

import resource
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from confluent_kafka import KafkaException

from tradebot import __version__
from tradebot.forecast import protocol, sources
from tradebot.forecast.buffer import SeriesBuffer, digest
from tradebot.forecast.evaluation.evaluate import Plan, evaluate, for_card
from tradebot.forecast.evaluation.splits import SplitError
from tradebot.forecast.messages import Evaluated, Failed, Forecasted, Request, Started
from tradebot.forecast.model_file import ModelCard
from tradebot.forecast.model_store import FolderStore, ModelStore
from tradebot.forecast.protocol import NotEnoughHistoryError
from tradebot.forecast.retraining import Schedule, compare
from tradebot.forecast.settings import ForecastSettings
from tradebot.history import bars, store
from tradebot.history.bars import MINUTE, Series
from tradebot.history.minutes import Bar
from tradebot.platform import logs
from tradebot.platform.settings import SettingsError
from tradebot.records import ForecastRecord, encode
from tradebot.venue.port import fee_table

log = logs.get(__name__)

SAVE_SECONDS = 15.0
"""Minimum real seconds between two writes of a model that is fitted more often."""
EVALUATED_MINUTES = 240
"""Length of each test in the stage's own evaluation."""
LEAST_MINUTES = 360
"""Minimum minutes to learn from before the first test."""
DECIMALS = 10
"""Decimals of a published log price: finer than any price step, and half the bytes."""


class Modeller:
    """One symbol's history and its model.

    Args:
        published: minutes of the topic `minutes`, which take precedence over the venue's.
        store: where the model is kept; by default a file in the settings' state folder, if any.
    """

    def __init__(
        self,
        settings: ForecastSettings,
        published: pl.DataFrame | None = None,
        store: ModelStore | None = None,
    ) -> None:
        self._settings = settings
        self._published = published
        self._schedule = Schedule.of(settings.retrain_hours, settings.retrain_window)
        self._store = store or (FolderStore(self._path) if self._path else None)
        self._model = self._new_model()
        self._card: ModelCard | None = None
        self._buffer = SeriesBuffer(bars.series(bars.empty()))
        self._saved_at = -SAVE_SECONDS
        self._restored = False

    def _new_model(self) -> protocol.Forecaster:
        model = protocol.make(self._settings.model, dict(self._settings.options))
        if self._path is not None and isinstance(model, protocol.Resumable):
            model.checkpoint = self._path.with_suffix(".checkpoint")
        return model

    def start(self) -> Started:
        """Loads history, and the last model if it fits the settings.

        Raises:
            SettingsError: history or model do not fit the settings.
        """
        table = sources.load(self._settings, known=self._published)
        self._published = None
        keep = self._settings.max_rows or self._model.max_rows
        if keep:
            window = self._schedule.needed if self._schedule else 0
            keep = max(keep + self._plan.needed, window)
        self._buffer = SeriesBuffer(bars.series(table), keep)
        self._restore()
        series = self._buffer.series
        return Started(series.end, len(series))

    @property
    def _path(self) -> Path | None:
        state = self._settings.state
        name = f"{self._settings.symbol}-{self._settings.model}.model"
        return state / "models" / name if state else None

    def _restore(self) -> None:
        if self._store is None:
            return
        try:
            kept = self._store.load()
            if kept is None:
                return
            card, state = kept
            if self._fits(card):
                self._model.restore(state)
                self._card, self._restored = card, True
                log.info("model restored", digest=card.digest, fitted_at=card.fitted_at)
        except (SettingsError, ValueError, KeyError, KafkaException) as error:
            log.warning("ignoring the last model", error=str(error))

    def reset(self) -> None:
        """Drops the model, so that the next forecast comes from a new fit."""
        self._model = self._new_model()
        self._card = None

    def _fits(self, card: ModelCard) -> bool:
        """Whether the last model fits these settings and this history."""
        series = self._buffer.series
        if card.parameters != self._model.parameters or card.code_version != __version__:
            return False
        if self._model.slow or self._schedule:
            return card.history_end <= series.end
        seen = series.between(card.history_start, card.history_end + MINUTE)
        return digest(seen) == card.data_digest

    def work(self, request: Request) -> Forecasted | Failed:
        """Adds the request's minutes and forecasts from its time on."""
        self._record(request.bars)
        series = self._buffer.series
        now = max(request.now, series.end + MINUTE)
        try:
            seconds = self._train(now) if self._due(now) else None
            start = now // MINUTE * MINUTE
            path = self._model.forecast(series, start, self._settings.horizon_minutes)
        except NotEnoughHistoryError as error:
            return Failed(str(error))
        assert self._card is not None
        if not all(np.isfinite(part).all() for part in (path.log_price, path.lower, path.upper)):
            return Failed(f"{self._settings.model} forecast values that are not finite")
        return self._answer(path, seconds)

    @property
    def _plan(self) -> Plan:
        """Returns the stage's plan: short tests on the newest minutes, one for a slow model."""
        return Plan(
            fee_bps=float(fee_table(self._settings.venue).first.taker_bps),
            folds=1 if self._model.slow else max(1, self._settings.evaluate_folds),
            fold_minutes=EVALUATED_MINUTES,
            least_minutes=LEAST_MINUTES,
        )

    def evaluate(self) -> Evaluated:
        """Evaluates a new model of the same parameters on the newest minutes."""
        began = time.perf_counter()
        name, options = self._settings.model, dict(self._settings.options)
        try:
            makers = {name: partial(protocol.make, name, options)}
            history = self._buffer.series
            report, _ = evaluate(makers, history, self._plan, symbol=self._settings.symbol)
        except (SplitError, NotEnoughHistoryError) as error:
            return Evaluated(None, time.perf_counter() - began, str(error))
        verdict = for_card(report, name)
        if self._card is not None:
            self._card = msgspec.structs.replace(self._card, evaluation=verdict)
            self._saved_at = -SAVE_SECONDS
            self._save()
        return Evaluated(verdict.score, time.perf_counter() - began)

    def _record(self, new: Sequence[Bar]) -> None:
        if not new:
            return
        table = sources.of_bars(new)
        self._buffer.append(bars.series(table))
        folder = sources.recorded(self._settings)
        if folder:
            store.write(folder, self._settings.symbol, table)

    def _due(self, now: int) -> bool:
        """Whether to fit again: a slow model at its own interval, others each time, but not before
        a restored one was used."""
        if self._card is None:
            return True
        restored, self._restored = self._restored, False
        if self._schedule:
            return self._schedule.is_due(self._card, self._buffer.series, now)
        if restored:
            return False
        if self._model.slow:
            return now - self._card.fitted_at >= self._settings.train_minutes * MINUTE
        return self._card.history_end < self._buffer.series.end

    def _train(self, now: int) -> float | None:
        """Fits the model, or trains one that may replace it; returns the seconds of a new fit."""
        series = self._buffer.series
        if self._schedule is None:
            return self._fit(series, self._buffer.digest, now)
        if self._schedule.is_possible(series):
            return self._retrain(self._schedule, series, now)
        if self._card is None:  # too little for a hold-out: better than no model
            newest = series.between(
                series.end - self._schedule.window * MINUTE, series.end + MINUTE
            )
            return self._fit(newest, digest(newest), now)
        return None

    def _fit(self, series: Series, data_digest: str, now: int) -> float:
        began = time.perf_counter()
        self._model.fit(series)
        seconds = time.perf_counter() - began
        self._card = msgspec.structs.replace(
            self._card_of(self._model, series, data_digest, now, seconds),
            evaluation=self._card.evaluation if self._card else None,
        )
        self._save()
        return seconds

    def _retrain(self, schedule: Schedule, series: Series, now: int) -> float | None:
        """Trains a new model and uses it if it is not worse; a failure keeps the old one."""
        began, learnt, model = time.perf_counter(), schedule.learnt(series), self._new_model()
        old = None if self._card is None else self._model
        try:
            model.fit(learnt)
            seconds = time.perf_counter() - began
            found = compare(model, old, series, schedule, self._plan.fees)
        except Exception as error:
            if self._card is None:
                raise
            log.warning("the training failed; the last model is used on", error=str(error))
            self._keep_old(now, None)
            return None
        if not found.accepted:
            log.info("the new model is worse", score=found.new.log_score, last=found.old)
            self._keep_old(now, found.new.log_score)
            return None
        self._model = model
        self._card = msgspec.structs.replace(
            self._card_of(model, learnt, digest(learnt), now, seconds),
            evaluation=found.evaluation(self._plan.fee_bps),
            holdout=found.holdout,
        )
        log.info("a new model is used", score=found.new.log_score, last=found.old)
        self._save(at_once=True)
        return seconds

    def _keep_old(self, now: int, rejected: float | None) -> None:
        assert self._card is not None
        self._card = msgspec.structs.replace(self._card, tried_at=now, rejected=rejected)
        self._save(at_once=True)

    def _card_of(
        self, model: protocol.Forecaster, series: Series, data_digest: str, now: int, seconds: float
    ) -> ModelCard:
        return ModelCard(
            model=self._settings.model,
            symbol=self._settings.symbol,
            parameters=model.parameters,
            history_start=series.start,
            history_end=series.end,
            rows=len(series),
            data_digest=data_digest,
            code_version=__version__,
            fitted_at=now,
            fit_seconds=seconds,
        )

    def _save(self, *, at_once: bool = False) -> None:
        if self._store is None:
            return
        if not at_once and time.monotonic() - self._saved_at < SAVE_SECONDS:
            return
        assert self._card is not None
        self._store.save(self._card, self._model.dump())
        self._saved_at = time.monotonic()

    def _answer(self, path: protocol.Path, seconds: float | None) -> Forecasted:
        card, series = self._card, self._buffer.series
        assert card is not None
        verdict = card.evaluation
        record = ForecastRecord(
            symbol=self._settings.symbol,
            model=self._settings.model,
            digest=card.digest,
            fitted_at=card.fitted_at,
            history_end=series.end,
            start=path.start,
            step_ms=MINUTE,
            log_price=path.log_price.round(DECIMALS).tolist(),
            lower=path.lower.round(DECIMALS).tolist(),
            upper=path.upper.round(DECIMALS).tolist(),
            interval=path.interval,
            rows=card.rows,
            history_start=card.history_start,
            code_version=card.code_version,
            evaluated=verdict is not None,
            evaluated_at=verdict.evaluated_at if verdict else 0,
            score=verdict.score if verdict else None,
            forecaster=self._settings.forecaster,
            training=self._schedule.training(card) if self._schedule else None,
        )
        return Forecasted(
            record=encode(record),
            digest=card.digest,
            fitted_at=card.fitted_at,
            history_end=series.end,
            fit_seconds=seconds,
            rows=card.rows,
            score=record.score,
            memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        )
