"""The forecast stage: reads trades, publishes forecasts; the model has its own process."""

import threading
from collections import deque

from confluent_kafka import (
    Consumer,
    KafkaError,
    Message,
    Producer,
)

from tradebot.forecast import STAGE, metrics
from tradebot.forecast.messages import (
    Answer,
    Evaluate,
    Evaluated,
    Failed,
    Forecasted,
    Request,
    Started,
)
from tradebot.forecast.model_process import ModelProcess
from tradebot.forecast.screen import TradeScreen
from tradebot.forecast.settings import ForecastSettings
from tradebot.history.minutes import MINUTE, Bar, MinuteBars
from tradebot.platform import extensions, kafka, logs
from tradebot.platform.clock import VenueClock
from tradebot.platform.dead_letters import DeadLetters
from tradebot.platform.health import Readiness
from tradebot.platform.settings import SettingsError
from tradebot.platform.stage import running
from tradebot.platform.topic import tail
from tradebot.platform.topics import Topics
from tradebot.plausible import trade as trades
from tradebot.records import FORECASTERS, TradeRecord, decode

log = logs.get(__name__)

POLL_SECONDS = 0.1
RETRY_MINUTES = 60
"""Exchange time until an evaluation that lacked history is retried."""
GATHERED_MINUTES = 20_160
"""New minutes to keep while the model's process is busy or restarts: two weeks."""


class ForecastStage:
    """Reads trades, gathers minutes, requests forecasts and publishes them."""

    def __init__(self, settings: ForecastSettings, readiness: Readiness) -> None:
        self._settings = settings
        self._topics = Topics.of(settings)
        self._labels = (settings.symbol, settings.model)
        self._clock = VenueClock(settings.speed)
        self._complaints = kafka.Complaints()
        self._dead_letters = DeadLetters(settings, "forecast", [self._topics.trades])
        self._away = False
        self._minutes = MinuteBars(settings.speed)
        self._screen = TradeScreen(settings.speed)
        self._gathered: deque[Bar] = deque(maxlen=GATHERED_MINUTES)
        self._known = 0
        self._model = ModelProcess(settings)
        self._readiness = readiness
        self._published: Forecasted | None = None
        self._next = 0
        self._next_evaluation = 0
        self._last_failure = ""
        self._stopping = threading.Event()
        metrics.from_zero(settings.symbol, settings.model)

    def run(self) -> None:
        """Runs until `stop`.

        Raises:
            SettingsError: a setting is invalid.
        """
        settings = self._settings
        self._readiness.check("forecast", self._stale)
        log.info("forecast started", symbol=settings.symbol, model=settings.model)
        producer = kafka.producer(settings)
        consumer = self._consumer()
        self._model.start()
        try:
            while not self._stopping.is_set():
                message = consumer.poll(POLL_SECONDS)
                if message is not None:
                    self._take(message)
                self._forward(producer)
        finally:
            self._model.close()
            consumer.close()
            producer.flush(2)
            self._dead_letters.deliver(2)

    def stop(self) -> None:
        """Ends `run` within a poll."""
        self._stopping.set()

    def _consumer(self) -> Consumer:
        """Returns a consumer of all kept trades; minutes known already are skipped."""
        group = f"forecast-{self._settings.symbol}"
        return tail(
            self._settings, group, {self._topics.trades: None}, error_cb=self._on_kafka_error
        )

    def _on_kafka_error(self, error: KafkaError) -> None:
        """Closes the gate while the broker is away, until a trade comes."""
        self._complaints(error)
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._away = True
            why = f"no broker responds at {self._settings.kafka}: {error.str()}"
            self._readiness.close("kafka", why)

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:
                self._readiness.close("kafka", f"trades cannot be read: {error.str()}")
            return
        self._away = False
        self._readiness.open("kafka")
        try:
            trade = decode(message.value() or b"", TradeRecord)
            if trade.symbol != self._settings.symbol:
                return
            if (reason := trades.fault(trade)) is not None:
                raise ValueError(reason)
        except ValueError as problem:
            self._dead_letters.put_message(message, str(problem))
            return
        judged = self._screen.judge(trade, message, max(self._clock.now(), self._known))
        for held in judged.refuted:
            reason = f"ts is {held.trade.ts}: later trades do not go on from there"
            self._dead_letters.put_message(held.message, reason)
        for believed in judged.believed:
            self._minutes.add(believed)
            metrics.TRADES.labels(believed.symbol).inc()
            self._clock.observe(believed.ts)

    def _forward(self, producer: Producer) -> None:
        """Forwards what is ready; never waits."""
        producer.poll(0)
        now = self._clock.now()
        self._gathered.extend(self._minutes.close(now))
        metrics.LATE_TRADES.labels(self._settings.symbol).set(self._minutes.late)
        answer = self._model.answer()
        if answer is not None:
            self._heed(answer, producer)
        if not self._model.busy and self._due(now):
            request = Request([bar for bar in self._gathered if bar.ts > self._known], now)
            self._next = now // MINUTE * MINUTE + self._settings.refit_minutes * MINUTE
            self._model.ask(request)
        elif not self._model.busy and self._evaluation_due(now):
            known = max(now, self._published.history_end if self._published else 0)
            self._next_evaluation = known + self._settings.evaluate_minutes * MINUTE
            self._model.ask(Evaluate())
        self._measure_age(now)

    def _evaluation_due(self, now: int) -> bool:
        """Whether a forecast is published and the model's evaluation is missing or old."""
        if self._published is None or not self._settings.evaluate_folds:
            return False
        if self._settings.retrain_hours and self._published.score is not None:
            return False  # the hold-out of its training is the model's evaluation
        return max(now, self._published.history_end) >= self._next_evaluation

    def _due(self, now: int) -> bool:
        """Whether to request a forecast: there is none, or new minutes after the interval."""
        if self._published is None and not self._last_failure:
            return True
        newer = bool(self._gathered) and self._gathered[-1].ts > self._known
        wanted = newer or self._next == 0
        # The next time is further away than an interval only if the venue's time went back.
        ahead = self._next - now
        return wanted and not 0 < ahead <= self._settings.refit_minutes * MINUTE

    def _heed(self, answer: Answer, producer: Producer) -> None:
        match answer:
            case Started(history_end, rows):
                log.info("history loaded", rows=rows, history_end=history_end)
                self._begin(history_end)
            case Forecasted():
                self._publish(answer, producer)
            case Evaluated(score, seconds, reason):
                self._evaluated(score, seconds, reason)
            case Failed(reason, fatal):
                if fatal:
                    raise SettingsError(reason)
                metrics.FAILURES.labels(*self._labels).inc()
                if reason != self._last_failure:
                    log.warning("no new forecast", reason=reason)
                self._last_failure = reason
                if self._published is None:
                    self._readiness.close("starting", reason)

    def _evaluated(self, score: float | None, seconds: float, reason: str) -> None:
        if score is None:
            log.warning("could not evaluate the model", reason=reason)
            self._next_evaluation = self._clock.now() + RETRY_MINUTES * MINUTE
            return
        log.info("evaluated the model", score=round(score, 4), seconds=round(seconds, 1))
        self._next = 0

    def _begin(self, history_end: int) -> None:
        """Sets the end of the known history; the venue's time is at least that."""
        if self._published is None:
            first = f"{self._settings.model} is computing its first forecast"
            self._readiness.close("starting", first)
        self._known = history_end
        self._minutes.known(history_end)
        if self._settings.history_source == "Venue" and self._clock.now() < history_end + MINUTE:
            self._clock.follow(history_end + MINUTE)
        self._last_failure = ""

    def _publish(self, forecast: Forecasted, producer: Producer) -> None:
        settings = self._settings
        key = "/".join(filter(None, (settings.symbol, settings.model, settings.forecaster)))
        producer.produce(
            self._topics.forecasts, forecast.record, key=key, on_delivery=self._delivered
        )
        self._published = forecast
        self._known = max(self._known, forecast.history_end)
        self._last_failure = ""
        if forecast.fit_seconds is not None:
            metrics.FIT_SECONDS.labels(*self._labels).observe(forecast.fit_seconds)
        metrics.ROWS.labels(*self._labels).set(forecast.rows)
        metrics.MEMORY_BYTES.labels(*self._labels).set(forecast.memory_bytes)
        if forecast.score is not None:
            metrics.SCORE.labels(*self._labels).set(forecast.score)
        log.debug("forecast", digest=forecast.digest, history_end=forecast.history_end)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            metrics.FAILURES.labels(*self._labels).inc()
            log.warning("could not publish a forecast", error=error.str())
            return
        metrics.PUBLISHED.labels(*self._labels).inc()
        if not self._away:  # these trades may have been fetched before the broker went away
            self._readiness.open("kafka")
        self._readiness.started()

    def _measure_age(self, now: int) -> None:
        if self._published is None:
            return
        known = self._published.history_end + MINUTE
        metrics.AGE_SECONDS.labels(*self._labels).set(max(0, now - known) / 1000)
        age = max(0, now - self._published.fitted_at) / 1000
        metrics.MODEL_AGE_SECONDS.labels(*self._labels).set(age)

    def _stale(self) -> str | None:
        """Returns why the published forecast is stale, or `None`."""
        if self._published is None:
            return None
        behind = (self._clock.now() - self._published.history_end) / MINUTE - 1
        limit = max(10, 3 * self._settings.refit_minutes)
        if behind <= limit:
            return None
        why = self._last_failure or "no newer minutes arrive"
        return f"the forecast does not include the last {behind:.0f} minutes: {why}"


def run(settings: ForecastSettings) -> None:
    """Runs the stage until SIGTERM or SIGINT.

    Raises:
        SettingsError: a setting is invalid, or no broker responds.
    """
    extensions.find(FORECASTERS, settings.model, "model")
    with running(STAGE, settings) as frame:
        stage = ForecastStage(settings, frame.readiness)
        frame.stopping.call(stage.stop)
        stage.run()
