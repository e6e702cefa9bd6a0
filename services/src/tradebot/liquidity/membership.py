"""Whether this worker is a member of its group, and its end where it cannot be one again.

The client's coordinator joins the group, and holds an error back until a caller hears of it. Faust
listens only while records flow, so that an error during a join kept a worker from its partitions
forever, alive to all probes. Here the client is asked all the time: what it held back is tried
again, a coordinator that has ended ends the process, and so does a group that does not take the
worker in though its broker responds. A supervisor then restarts it.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import NoReturn

from confluent_kafka import KafkaException

from tradebot.liquidity.settings import LiquiditySettings
from tradebot.liquidity.transport import CoordinatorEndedError, FeedConsumer
from tradebot.platform import logs
from tradebot.platform.groups import GroupView

ASK_SECONDS = 0.5
JOIN_SECONDS = 20.0
"""Seconds beyond the session timeout for the group to admit a worker, if its broker responds."""

STALL_SECONDS = 30.0
"""A loop that has not asked for so long is stuck, and /livez says so."""

_log = logs.get("liquidity.membership")


class Membership:
    """Asked by `watch`; told by the group's rebalances.

    Args:
        end: ends the process with a sentence.
    """

    def __init__(
        self, settings: LiquiditySettings, view: GroupView, end: Callable[[str], NoReturn]
    ) -> None:
        self._worker = settings.worker_id
        self._embedded = settings.kafka_embedded
        self._limit = JOIN_SECONDS + settings.session_seconds
        self._view = view
        self._end = end
        self._own: str | None = None
        self._outside_since: float | None = monotonic()
        self._asked = monotonic()
        self._death: str | None = None

    def joined(self, member_id: str | None) -> None:
        """The group gave this worker its partitions; `member_id` is its name there."""
        self._own = member_id
        self._outside_since = None

    async def left(self) -> None:
        """The group is being joined again; where another has this worker's identity, it ends.

        A client that was thrown out by its own successor would otherwise throw that one out in
        turn, and so on: its heartbeats do not tell the two apart.
        """
        self._outside_since = self._outside_since or monotonic()
        await self._end_if_succeeded()

    async def watch(self, consumer: Callable[[], FeedConsumer]) -> None:
        """Asks the client until it is cancelled, or the worker ends."""
        if self._outside_since is not None:  # what came before was no time of the group's
            self._outside_since = monotonic()
        while True:
            await asyncio.sleep(ASK_SECONDS)
            self._asked = monotonic()
            try:
                # The client's thread answers between its own steps; a thread that never does
                # costs no more than this wait, and then the limit below.
                async with asyncio.timeout(5):
                    held_back = await consumer().held_back()
            except CoordinatorEndedError as error:
                self._finish(f"the Kafka client's coordinator stopped: {error}")
            except TimeoutError:
                held_back = None
            if held_back is not None:
                _log.warning("the group rejected the join", error=str(held_back) or repr(held_back))
                await self._end_if_succeeded()
            await self._end_if_shut_out()

    def death(self) -> str | None:
        """What only a restart mends; any thread may ask."""
        if self._death is not None:
            return self._death
        stalled = monotonic() - self._asked
        return (
            None
            if stalled < STALL_SECONDS
            else (f"the event loop has been blocked for {stalled:.0f} s")
        )

    async def _end_if_succeeded(self) -> None:
        if not self._worker or self._own is None or self._embedded:
            return
        try:
            holder = await asyncio.to_thread(self._view.holder, self._worker)
        except (KafkaException, TimeoutError):  # asked again at the next rebalance
            return
        if holder is not None and holder != self._own:
            self._finish(
                f"another process joined the group as worker {self._worker!r}, so this older one "
                "exits: give each process its own --worker-id, or none"
            )

    async def _end_if_shut_out(self) -> None:
        if self._outside_since is None or monotonic() - self._outside_since < self._limit:
            return
        if await asyncio.to_thread(self._view.answers):
            if self._outside_since is not None:
                self._finish(
                    f"the group has assigned this worker no partitions for {self._limit:.0f} s "
                    "although its broker responds: exiting so that a restart rejoins"
                )
        else:  # no restart brings a broker back; from then on it has its time again
            self._outside_since = monotonic()

    def _finish(self, reason: str) -> NoReturn:
        self._death = reason
        self._end(reason)
