"""The Faust app: one agent that passes fetches to the partitions this worker owns."""

import asyncio
import os
import ssl
import threading
from typing import Any, NoReturn, cast

import faust
from faust.types import TP
from yarl import URL

from tradebot.liquidity.membership import Membership
from tradebot.liquidity.owner import Owner
from tradebot.liquidity.settings import LiquiditySettings
from tradebot.liquidity.transport import FeedConsumer, FetchScheduler, FetchSchema, Transport
from tradebot.platform import kafka
from tradebot.platform.groups import GroupView
from tradebot.platform.settings import SettingsError

TICK_SECONDS = 0.25
EXIT_SECONDS = 3.0
FETCHES_AHEAD = 4
"""Fetches that may wait for the agent; each has up to FETCH_BYTES."""

FETCH_BYTES = 1 << 20


class LiquidityApp(faust.App):
    """Faust's app with the stage's start; it has no tables, so it creates no directories."""

    def __init__(self, settings: LiquiditySettings) -> None:
        self.owner = Owner(settings)
        super().__init__(self.owner.group, **_options(settings))
        view = GroupView(settings, self.owner.group)
        self.membership = Membership(settings, view, self._end)
        self.owner.readiness.live_while(self.membership.fatal_fault)
        self._watch: asyncio.Task[None] | None = None
        self._exit_code = 0
        transport = Transport(self.conf.broker_consumer, self)
        if settings.kafka_embedded:
            transport.fetch_wait_ms = kafka.EMBEDDED_FETCH_MS
        self.transport = transport

    @property
    def feed_consumer(self) -> FeedConsumer:
        """The transport's consumer."""
        assert isinstance(self.consumer, FeedConsumer)
        return self.consumer

    async def on_first_start(self) -> None:
        """Prepares topics, offsets and health before the consumer starts.

        Under `faust worker` nothing else prints an error of the settings as its message.
        """
        try:
            await asyncio.to_thread(self.owner.prepare)
        except SettingsError as error:
            error.show()
            raise SystemExit(error.exit_code) from None
        self._watch = asyncio.create_task(self.membership.watch(lambda: self.feed_consumer))

    async def on_stop(self) -> None:
        """Leaves the group, and makes sure that the process ends.

        Faust waits for its threads, up to a minute if a broker does not respond. Not waiting loses
        nothing: what is not committed is read again.
        """
        if self._watch is not None:
            self._watch.cancel()
        if self.in_worker:
            self._exit_soon(1 if self.crash_reason else self._exit_code)
        await super().on_stop()

    def _end(self, reason: str) -> NoReturn:
        """Ends the process with a message, for a supervisor to restart it."""
        self._exit_code = 1
        SettingsError(reason).show()
        self._exit_soon(1)
        raise SystemExit(1)

    def _exit_soon(self, code: int) -> None:
        end = threading.Timer(EXIT_SECONDS, os._exit, (code,))
        end.daemon = True
        end.start()


def create_app(settings: LiquiditySettings) -> LiquidityApp:
    """Builds the stage's Faust app; it connects when it starts."""
    app = LiquidityApp(settings)
    owner = app.owner
    feed = app.topic(owner.topics.feed, schema=FetchSchema(), acks=False)

    @app.agent(feed, name="liquidity")
    async def liquidity(stream: Any) -> None:
        async for fetch in stream.noack():
            owner.take(fetch)

    @app.timer(TICK_SECONDS)  # type: ignore[untyped-decorator]  # Faust's own lacks a type
    async def tick() -> None:
        await owner.tick(app.feed_consumer)

    async def assigned(_app: Any, tps: set[TP], **_signal: Any) -> None:
        app.membership.joined(app.feed_consumer.member_id())
        owner.own(tps, app.feed_consumer)

    async def revoked(_app: Any, tps: set[TP], **_signal: Any) -> None:
        owner.disown(tps)
        if not app.should_stop:
            await app.membership.left()

    # Faust's type for receivers lacks the partitions that it sends.
    app.on_partitions_assigned.connect(cast(Any, assigned))
    app.on_partitions_revoked.connect(cast(Any, revoked))
    return app


def _options(settings: LiquiditySettings) -> dict[str, Any]:
    """Faust's settings. Those of tables, leaders and commits are off: the stage uses none."""
    options: dict[str, Any] = {
        "broker": [URL(f"kafka://{server}") for server in settings.kafka.split(",")],
        "ConsumerScheduler": FetchScheduler,
        "autodiscover": False,
        "consumer_auto_offset_reset": "earliest",
        "consumer_max_fetch_size": FETCH_BYTES,
        "consumer_group_instance_id": settings.worker_id or None,
        "broker_session_timeout": settings.session_seconds,
        "broker_heartbeat_interval": settings.session_seconds / 5,
        # Rebalances wait at most this long for a member that hangs.
        "broker_rebalance_timeout": settings.session_seconds,
        "broker_request_timeout": max(40.0, settings.session_seconds * 2),
        "stream_buffer_maxsize": FETCHES_AHEAD,
        "stream_wait_empty": False,
        "topic_disable_leader": True,
        "topic_allow_declare": False,
        "web_enabled": settings.web_port > 0,
        "web_port": settings.web_port or None,
        # Like /metrics; an empty address is all of IPv4 and IPv6.
        "web_bind": "" if settings.http_host == "*" else settings.http_host,
        "worker_redirect_stdouts": False,
    }
    credentials = _credentials(settings)
    return options if credentials is None else options | {"broker_credentials": credentials}


def _credentials(settings: LiquiditySettings) -> Any:
    if settings.kafka_security == "PLAINTEXT":
        return None
    context = None
    if settings.kafka_security.endswith("SSL"):
        context = ssl.create_default_context(cafile=settings.kafka_ca_file or None)
    if settings.kafka_security == "SSL":
        return faust.SSLCredentials(context=context)
    return faust.SASLCredentials(
        username=settings.kafka_username,
        password=kafka.password(settings),
        mechanism="SCRAM-SHA-512",
        ssl_context=context,
    )
