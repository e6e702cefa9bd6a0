"""The partitions that this worker owns, and the stage's readiness."""

import asyncio
from collections.abc import Iterable
from time import monotonic

from confluent_kafka import KafkaException
from faust.types import TP

from tradebot.domain.symbol_windows import WindowRules
from tradebot.liquidity import STAGE, metrics
from tradebot.liquidity.output import Output, PlainOutput, TransactionalOutput
from tradebot.liquidity.partition import FeedPartition
from tradebot.liquidity.results import Place
from tradebot.liquidity.settings import LiquiditySettings
from tradebot.liquidity.transport import FeedConsumer, Fetch
from tradebot.platform import dead_letters, logs, stage
from tradebot.platform.exactly_once import GroupOffsets
from tradebot.platform.health import Readiness
from tradebot.platform.topics import Topics

SILENCE_SECONDS = 10.0
"""A feed silent for this many real seconds makes the stage unready."""

_log = logs.get("liquidity.owner")


class Owner:
    """Takes over and releases partitions at the group's rebalances."""

    def __init__(self, settings: LiquiditySettings) -> None:
        self.topics = Topics.of(settings)
        self.group = settings.topic_prefix + settings.group
        self.readiness = Readiness(STAGE.name)
        self.partitions: dict[TP, FeedPartition] = {}
        self._settings = settings
        self._tasks: dict[TP, asyncio.Task[None]] = {}
        self._offsets: GroupOffsets | None = None
        self._feed_size = self._out_size = 0
        self._told: dict[str, str] = {}

    def prepare(self) -> None:
        """Creates missing topics, and serves health and metrics; only the first time. Blocks.

        Raises:
            SettingsError: the broker does not respond, a topic is missing, or the port is taken.
        """
        if self._offsets is not None:
            return
        settings, names = self._settings, self.topics
        stage.prepare(STAGE, settings, self.readiness)
        dead_letters.from_zero(STAGE.name, [names.feed])
        offsets = GroupOffsets(settings, self.group)
        self._feed_size = offsets.partitions(names.feed)
        self._out_size = offsets.partitions(names.liquidity)
        self.readiness.check("feed", self._silence)
        self.readiness.check("partitions", self._trouble)
        self.readiness.check("late", self._late)
        self._offsets = offsets

    def own(self, assigned: Iterable[TP], consumer: FeedConsumer) -> None:
        """Starts the tasks of newly assigned partitions."""
        for tp in assigned:
            if tp not in self.partitions:
                self.partitions[tp] = partition = self._partition(tp, consumer)
                self._tasks[tp] = asyncio.create_task(partition.run(), name=f"feed-{tp.partition}")
        self.readiness.started()

    def disown(self, revoked: Iterable[TP]) -> None:
        """Ends the tasks of revoked partitions."""
        for tp in list(revoked):
            self.partitions.pop(tp, None)
            task = self._tasks.pop(tp, None)
            if task is not None:
                task.cancel()

    def take(self, fetch: Fetch) -> None:
        """Passes a fetch to its partition, if this worker still owns it."""
        partition = self.partitions.get(fetch.tp)
        if partition is not None:
            partition.take(fetch)

    async def tick(self, consumer: FeedConsumer) -> None:
        """Closes windows by the clock, and updates the lag."""
        for tp, partition in list(self.partitions.items()):
            try:
                await partition.tick()
            except KafkaException as error:  # retried at the next tick
                _log.debug("clock not served", partition=tp.partition, error=str(error))
            if partition.reached is not None:
                lag = (consumer.highwater(tp) or 0) - partition.reached
                metrics.LAG.labels(str(tp.partition)).set(max(lag, 0))
        self._log_gates()

    def _log_gates(self) -> None:
        """Logs once what closed a gate, and once that all are open again."""
        reasons = self.readiness.reasons()
        if reasons.keys() != self._told.keys():
            if reasons:
                _log.warning("not ready", **reasons)
            else:
                _log.info("ready")
            self._told = reasons

    def _partition(self, tp: TP, consumer: FeedConsumer) -> FeedPartition:
        assert self._offsets is not None
        settings = self._settings
        rules = WindowRules(
            length=settings.window_seconds * 1000,
            grace=settings.grace_ms,
            silence=int(settings.silence_seconds * 1000),
            speed=settings.speed,
        )
        out = tp.partition % self._out_size
        place = Place(self.topics, out, rules, settings.speed, settings.symbol)
        output: Output
        if settings.kafka_embedded:
            output = PlainOutput(settings, self._offsets, consumer.commit_place, tp)
        else:
            output = TransactionalOutput(settings, self._offsets, self.group, tp)
        return FeedPartition(tp, place, output, self._offsets, consumer.seek_place)

    def _silence(self) -> str | None:
        """Returns a sentence if the partitions that carry symbols are silent for too long.

        A worker that owns only some of the partitions may own none with a symbol.
        """
        partitions = list(self.partitions.values())
        if not partitions:
            return None
        if len(partitions) < self._feed_size and not any(one.has_symbols() for one in partitions):
            return None
        silent = monotonic() - max(one.last_record for one in partitions)
        if silent < SILENCE_SECONDS:
            return None
        return f"the feed has been silent for {silent:.0f} s"

    def _trouble(self) -> str | None:
        for tp, one in list(self.partitions.items()):
            if one.trouble is not None:
                return f"partition {tp.partition} is not read: {one.trouble}"
        return None

    def _late(self) -> str | None:
        return next(
            filter(None, (one.stuck_symbol() for one in list(self.partitions.values()))), None
        )
