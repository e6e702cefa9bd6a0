"""The stage: reads closed minutes, and publishes a proposal for each closed bar.

It has no keys and decides nothing: the strategy does, in its own process, and a trader executes
what it allows. At a start it first reads what is published, so no bar has two proposals.
"""

import threading
import time
from collections import deque
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from tradebot.history.minutes import MINUTE
from tradebot.history.topic import Minutes
from tradebot.platform import exactly_once, logs
from tradebot.platform.dead_letters import DeadLetters
from tradebot.platform.health import Readiness
from tradebot.platform.settings import SettingsError
from tradebot.platform.stage import running
from tradebot.platform.topic import key_of, messages, tail
from tradebot.platform.topics import Topics
from tradebot.records import ProposalRecord, decode, encode
from tradebot.strategy import STAGE, metrics, sandbox
from tradebot.strategy.bars import Closing, Columns
from tradebot.strategy.inputs import LAST_FORECASTS, BotAccount, Forecasts
from tradebot.strategy.messages import Bar, Begin, Failed, Loaded, Past, Proposed, Row
from tradebot.strategy.process import MisbehavedError, StrategyProcess, StrategyRefusedError
from tradebot.strategy.proposals import Proposer
from tradebot.strategy.settings import STEPS, StrategySettings

POLL_SECONDS: Final = 0.1
RETRY_SECONDS: Final = 2.0
BATCH: Final = 1_000
QUIET_SECONDS: Final = 0.5
FILL_SECONDS: Final = 30.0
"""The past is complete when nothing came for so long, or after so long anyway."""
FLOOD: Final = 30
"""More bars at once than this are the past on its way: only the newest gets a proposal."""
MISSED: Final = 30
"""Bars that closed while the stage was down and still get a proposal: the newest. Traders no longer
act on them, and each delays the one that they wait for."""

log = logs.get(__name__)


class StrategyStage:
    """Runs one strategy on one symbol's bars.

    Args:
        readiness: its gate `strategy` closes while the strategy fails or warms up.
    """

    def __init__(self, settings: StrategySettings, readiness: Readiness) -> None:
        self._settings = settings
        self._topics = Topics.of(settings)
        self._readiness = readiness
        self._step = STEPS[settings.resolution]
        self._stopping = threading.Event()
        self._letters = DeadLetters(
            settings,
            STAGE.name,
            [self._topics.minutes, self._topics.forecasts, self._topics.accounts],
        )
        self._process = StrategyProcess(
            Begin(
                strategy=settings.strategy,
                parameters=settings.values,
                step=self._step,
                max_bars=settings.max_bars,
                memory=settings.memory_mb << 20,
            ),
            lambda: Past(self._columns.dump()),
            start_seconds=settings.start_seconds,
            bar_seconds=settings.bar_seconds,
        )
        self._columns = Columns(self._step, settings.max_bars)
        metrics.from_zero(settings.key)

    def stop(self) -> None:
        """Ends `run` within a poll."""
        self._stopping.set()

    def run(self) -> None:
        """Runs until `stop`. If the broker is away, or another stage uses the same name, it starts
        again from what is published.

        Raises:
            SettingsError: the strategy cannot run.
        """
        try:
            self._loaded = self._load()
            while not self._stopping.is_set():
                try:
                    self._session()
                except KafkaException as error:
                    log.warning("starting again from what is published", why=str(error))
                    self._readiness.close("kafka", f"proposals are not published: {error}")
                    self._stopping.wait(RETRY_SECONDS)
        finally:
            self._process.close()
            self._letters.deliver(2)

    def _load(self) -> Loaded:
        try:
            loaded = self._process.start()
        except StrategyRefusedError as error:
            raise SettingsError(str(error)) from None
        except MisbehavedError as error:
            raise SettingsError(f"{self._settings.strategy} does not start: {error}") from None
        log.info("the strategy is loaded", strategy=loaded.name, digest=loaded.digest)
        return loaded

    def _session(self) -> None:
        settings, loaded = self._settings, self._loaded
        self._columns = Columns(
            self._step, max(settings.max_bars, loaded.warmup), tuple(loaded.forecasts)
        )
        self._proposer = Proposer(
            key=settings.key,
            strategy=loaded.name,
            digest=loaded.digest,
            symbol=settings.symbol,
            step=self._step,
            adds=loaded.is_class,
        )
        self._minutes = Minutes(settings.symbol)
        self._closing = Closing(self._step)
        self._forecasts = Forecasts(settings.symbol, loaded.forecasts)
        self._account = BotAccount(settings.bot, settings.symbol)
        self._process.forget()
        name = f"{settings.topic_prefix}{STAGE.name}-{settings.key}"
        self._producer = exactly_once.publisher(settings, name)
        self._done = self._last()
        reader = self._reader()
        try:
            self._follow(reader)
        finally:
            reader.close()

    def _reader(self) -> Consumer:
        last: dict[str, int | None] = {self._topics.minutes: None}
        if self._loaded.forecasts:
            last[self._topics.forecasts] = LAST_FORECASTS
        if self._loaded.is_class:
            last[self._topics.accounts] = None
        group = f"{self._settings.topic_prefix}strategy-{self._settings.key}"
        return tail(self._settings, group, last, **{"enable.partition.eof": True})

    def _last(self) -> int:
        """Returns the end (ms) of the newest bar with a proposal, 0 if there is none."""
        key, newest = self._settings.key.encode(), 0
        for message in messages(self._settings, self._topics.proposals, "proposals"):
            if key_of(message) != key:
                continue
            try:
                newest = max(newest, decode(message.value() or b"", ProposalRecord).bar_end)
            except ValueError:
                continue
        return newest

    def _follow(self, reader: Consumer) -> None:
        self._readiness.close("strategy", "no bar of the symbol has closed yet")
        unread = {(where.topic, where.partition) for where in reader.assignment()}
        past: deque[tuple[int, Row | None]] = deque(maxlen=MISSED)
        caught_up, moved = False, time.monotonic()
        waited_from = moved
        while not self._stopping.is_set():
            messages = [reader.poll(POLL_SECONDS), *reader.consume(BATCH, 0)]
            if caught_up and self._floods(messages):
                log.info("the past is still being written")
                self._process.forget()
                self._done, caught_up, waited_from = 0, False, time.monotonic()
                past.clear()
            for message in messages:
                if message is None:
                    continue
                error = message.error()
                if error is None:
                    moved = time.monotonic()
                    for closed in self._take(message):
                        if caught_up:
                            self._propose(*closed)
                        else:
                            self._remember(past, closed)
                elif error.code() == KafkaError._PARTITION_EOF:
                    unread.discard((message.topic(), message.partition()))
            if not unread and not caught_up:
                # The past may still be on its way: ingest writes it while this stage starts.
                now = time.monotonic()
                if now - moved > QUIET_SECONDS or now - waited_from > FILL_SECONDS:
                    for minute in self._minutes.end():
                        past.extend(self._closing.add(minute))
                    caught_up = bool(past)
                if caught_up:
                    self._begin(past)
            self._letters.poll()

    def _floods(self, messages: list[Message | None]) -> bool:
        """Whether the messages close more bars than a market that goes on does."""
        minutes = sum(
            message is not None
            and message.error() is None
            and message.topic() == self._topics.minutes
            for message in messages
        )
        return minutes * MINUTE > FLOOD * self._step

    def _remember(
        self, past: deque[tuple[int, Row | None]], closed: tuple[int, Row | None]
    ) -> None:
        """Keeps the bars that may still get a proposal; earlier ones are history."""
        if len(past) == MISSED:
            self._append(past.popleft())
        past.append(closed)

    def _begin(self, past: deque[tuple[int, Row | None]]) -> None:
        """Proposes for the bars that closed since the last proposal; at a first start, for the
        newest."""
        due = [closed for closed in past if closed[0] > self._done] if self._done else [*past][-1:]
        for closed in [*past][: len(past) - len(due)]:
            self._append(closed)
        self._process.prepare()
        self._readiness.open("kafka")
        self._readiness.open("strategy")
        self._readiness.started()
        log.info("following the bars", bars=len(self._columns), missed=len(due))
        for closed in due:
            self._propose(*closed)

    def _take(self, message: Message) -> list[tuple[int, Row | None]]:
        """Returns the bars that the message closes."""
        found = list[tuple[int, Row | None]]()
        try:
            if message.topic() == self._topics.forecasts:
                self._forecasts.take(message)
            elif message.topic() == self._topics.accounts:
                self._account.take(message)
            else:
                for minute in self._minutes.take(message):
                    found += self._closing.add(minute)
        except ValueError as error:
            self._letters.put_message(message, str(error))
        for refuted in self._minutes.refuted:
            self._letters.put_message(refuted, "start: later minutes do not go on from there")
        self._minutes.refuted.clear()
        return found

    def _append(self, closed: tuple[int, Row | None]) -> None:
        if closed[1] is not None:
            self._columns.append(closed[1], self._forecasts.at(closed[0]))

    def _propose(self, end: int, row: Row | None) -> None:
        if end <= self._done:
            self._append((end, row))
            return
        began = time.perf_counter()
        answer = self._answer(end, row)
        self._append((end, row))
        record = self._proposer.record(end, self._columns.digest(), answer)
        self._publish(record)
        self._done = end
        self._tell(record, answer, time.perf_counter() - began)

    def _answer(self, end: int, row: Row | None) -> Proposed | Failed | str:
        if row is None:
            return "nobody traded in this bar"
        if len(self._columns) + 1 < self._loaded.warmup:
            return self._warming()
        if self._loaded.is_class and not self._account.known:
            return f"waiting for the account of {self._settings.bot}: is its trader running?"
        account = self._account.look() if self._loaded.is_class else None
        return self._process.ask(Bar(row, account, self._forecasts.at(end)))

    def _warming(self) -> str:
        there, needed = len(self._columns) + 1, self._loaded.warmup
        ready_in = (needed - there) * self._step // MINUTE
        return (
            f"{self._loaded.name} is warming up: {there} of {needed} bars; "
            f"{ready_in} more minutes of market are needed"
        )

    def _publish(self, record: ProposalRecord) -> None:
        """Raises KafkaException if it was not written, or that is unknown."""
        sent = exactly_once.Message(self._topics.proposals, record.bot.encode(), encode(record))
        exactly_once.publish(self._settings, self._producer, [sent])

    def _tell(
        self, record: ProposalRecord, answer: Proposed | Failed | str, seconds: float
    ) -> None:
        """Updates metrics, log and the gate."""
        key = self._settings.key
        metrics.PROPOSALS.labels(key, record.side).inc()
        metrics.SECONDS.labels(key).observe(seconds)
        metrics.BARS.labels(key).set(len(self._columns))
        metrics.LAST_BAR.labels(key).set(record.bar_end / 1000)
        metrics.FAILING.labels(key).set(bool(record.failing))
        log.info("proposal", bar_end=record.bar_end, side=record.side, reason=record.reason)
        if not isinstance(answer, str) and answer.printed:
            log.info("the strategy printed", text=answer.printed)
        if record.failing:
            metrics.FAILURES.labels(key).inc()
            log.warning("the strategy failed", where=record.failing)
            self._readiness.close("strategy", f"StrategyFailing: {record.failing}")
        elif isinstance(answer, str) and record.reason.startswith(self._loaded.name):
            self._readiness.close("strategy", record.reason)
        else:
            self._readiness.open("strategy")


def run(settings: StrategySettings) -> None:
    """Runs the stage until SIGTERM or SIGINT.

    Raises:
        SettingsError: the strategy cannot run, or no broker responds.
    """
    sandbox.hide()
    with running(STAGE, settings) as frame:
        stage = StrategyStage(settings, frame.readiness)
        frame.stopping.call(stage.stop)
        stage.run()
