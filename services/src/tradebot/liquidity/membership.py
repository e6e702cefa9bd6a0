"""Watches this worker's membership in its group, and ends the process if it cannot rejoin.

The client's coordinator joins the group, and keeps an error until a caller reads it. Faust reads it
only while records flow, so an error during a join kept a worker from its partitions forever, with
all probes green. `watch` reads it all the time, so the client tries again. The process ends if the
coordinator has ended, or if the group does not admit the worker although its broker responds. A
supervisor then restarts it.
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
"""Seconds after the session timeout for the group to admit a worker, if its broker responds."""

STALL_SECONDS = 30.0
"""A watch loop that has not run for this long is stuck; /livez then fails."""

_log = logs.get("liquidity.membership")


class Membership:
    """The worker's membership: `watch` polls the client, the group's rebalances call the rest.

    Args:
        end: ends the process with a message.
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
        """Records that the group assigned partitions to `member_id`, this worker's id there."""
        self._own = member_id
        self._outside_since = None

    async def left(self) -> None:
        """Records that the group rebalances; ends the process if another has this identity.

        Two clients of one identity would otherwise keep evicting each other: heartbeats do not
        distinguish them.
        """
        self._outside_since = self._outside_since or monotonic()
        await self._end_if_succeeded()

    async def watch(self, consumer: Callable[[], FeedConsumer]) -> None:
        """Polls the client until cancelled, or until the worker ends."""
        if self._outside_since is not None:  # the time before the watch does not count
            self._outside_since = monotonic()
        while True:
            await asyncio.sleep(ASK_SECONDS)
            self._asked = monotonic()
            try:
                # The client's thread responds between its own steps. One that never does costs this
                # wait, and then the limit below.
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

    def fatal_fault(self) -> str | None:
        """Returns the fault that only a restart can fix; any thread may call it."""
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
        except (KafkaException, TimeoutError):  # retried at the next rebalance
            return
        if holder is not None and holder != self._own:
            self._finish(
                f"another process joined the group as worker {self._worker!r}, so this older one "
                "exits: give each process its own --worker-id, or none"
            )

    async def _end_if_shut_out(self) -> None:
        if self._outside_since is None or monotonic() - self._outside_since < self._limit:
            return
        if await asyncio.to_thread(self._view.responds):
            if self._outside_since is not None:
                self._finish(
                    f"the group has assigned this worker no partitions for {self._limit:.0f} s "
                    "although its broker responds: exiting so that a restart rejoins"
                )
        else:  # no restart brings a broker back; the worker gets its time again after that
            self._outside_since = monotonic()

    def _finish(self, reason: str) -> NoReturn:
        self._death = reason
        self._end(reason)
