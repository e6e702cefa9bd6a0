"""The trader's loops: windows, reconciliation, heartbeats, reports, control."""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import msgspec
from confluent_kafka import Consumer, Message

from tradebot.platform import logs
from tradebot.platform.clock import VenueClock
from tradebot.platform.dead_letters import DeadLetters
from tradebot.platform.topic import bounds, key_of, tail
from tradebot.platform.topics import Topics
from tradebot.trader.accounts import Accounts
from tradebot.trader.acts import Acts
from tradebot.trader.bot_report import BotReport, bot_report
from tradebot.trader.control.gates import Gates
from tradebot.trader.control.report import Reporter
from tradebot.trader.control.server import Act, ControlServer, RefusedError
from tradebot.trader.deciding import Decider
from tradebot.trader.engine import Engine
from tradebot.trader.inputs.forecasts import Forecasts
from tradebot.trader.inputs.parity import Parity
from tradebot.trader.inputs.proposals import LAST_PROPOSALS, Proposals
from tradebot.trader.inputs.screen import Screen
from tradebot.trader.inputs.streams import (
    LAST_FORECASTS,
    Stream,
    on_feed,
    windows_reader,
)
from tradebot.trader.inputs.trades import LastTrade
from tradebot.trader.inputs.windows import Windows
from tradebot.trader.lease import Lease, LeaseLostError
from tradebot.trader.obeying import Obeying
from tradebot.trader.order_stream import OrderStream
from tradebot.trader.settings import TraderSettings
from tradebot.trader.watch import Watch
from tradebot.venue.errors import VenueError

HEARTBEAT_SECONDS: Final = 10.0
MARKET_SECONDS: Final = 15.0
REPORT_SECONDS: Final = 2.0
ACCOUNT_SECONDS: Final = 0.5
STOP_SECONDS: Final = 2.5
LETTER_SECONDS: Final = 0.5
FIRST_WAIT: Final = 0.2
LONGEST_WAIT: Final = 15.0


class Loops:
    """Runs until stopped, or until one of its parts fails."""

    def __init__(
        self,
        settings: TraderSettings,
        topics: Topics,
        engine: Engine,
        decider: Decider,
        acts: Acts,
        obeying: Obeying,
        watch: Watch,
        trades: LastTrade,
        gates: Gates,
        clock: VenueClock,
        forecasts: Forecasts,
        proposals: Proposals,
        parity: Parity,
        accounts: Accounts,
        reporter: Reporter,
        lease: Lease,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._order_stream = OrderStream(engine)
        self._decider = decider
        self._acts = acts
        self._obeying = obeying
        self._watch = watch
        self._trades = trades
        self._clock = clock
        self._gates = gates
        self._forecasts = forecasts
        self._proposals = proposals
        self._parity = parity
        self._past: dict[int, int] = {}
        self._accounts = accounts
        self._reporter = reporter
        self._lease = lease
        self._gathered = Windows(settings.symbol)
        self._dead_letters = DeadLetters(
            settings, "trader", [topics.liquidity, topics.forecasts, topics.proposals]
        )
        self._screen = Screen(settings.symbol, clock, settings.lag_ms, self._dead_letters)
        self._windows = Stream(
            partial(windows_reader, settings, topics.liquidity), self._on_windows, "windows"
        )
        last = partial(tail, settings, _tail_group(settings))
        self._others = (
            Stream(
                partial(last, {topics.forecasts: LAST_FORECASTS}),
                self._on_forecasts,
                "forecasts",
            ),
            *self._of_proposals(topics),
            Stream(
                partial(last, {topics.feed: 0}),
                on_feed(clock, settings.symbol, settings.lag_ms),
                "feed",
            ),
            Stream(
                partial(last, {topics.trades: 0}),
                self._on_trades,
                "trades",
            ),
            Stream(partial(last, {topics.parity: None}), self._on_parity, "parity"),
        )
        self._log = logs.get("trader")

    def _of_proposals(self, topics: Topics) -> list[Stream]:
        """The proposer's stream; none where the bot follows the report's rule."""
        if not self._settings.proposer:
            return []
        opened = partial(self._open_proposals, topics.proposals)
        return [Stream(opened, self._on_proposals, "proposals")]

    def _open_proposals(self, topic: str) -> Consumer:
        """A reader of the last proposals; what is there before the first poll is past."""
        reader = tail(self._settings, _tail_group(self._settings), {topic: LAST_PROPOSALS})
        self._past = {where.partition: high for where, _, high in bounds(reader, topic)}
        return reader

    async def run(self, stopping: asyncio.Event) -> None:
        """Trades until `stopping` is set; then sends no new orders, cancels live ones, and flushes.

        Raises:
            JournalError: the journal can no longer be written.
            LeaseLostError: the lease is lost; only a restart can acquire it again.
        """
        control = self._control()
        await control.start()
        works = [
            self._windows.run(),
            *(stream.run() for stream in self._others),
            self._engine.journaled.keep_up(self._engine.due.set),
            self._reconcile(),
            self._watch_market(),
            self._order_stream.run(),
            self._watch.run(),
            self._acts.maker.run(),
            self._obeying.run(),
            self._beat(),
            self._tell_account(),
            self._report(),
        ]
        tasks = [asyncio.ensure_future(work) for work in works]
        stop = asyncio.ensure_future(stopping.wait())
        try:
            done, _ = await asyncio.wait({stop, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stop}:
                task.result()
        finally:
            stop.cancel()
            await self._stop(tasks, control)

    def _control(self) -> ControlServer:
        acts = self._acts
        ordered: dict[str, Act] = {
            "pause": acts.pause,
            "resume": acts.resume,
            "flatten": acts.flatten,
        }
        if self._settings.report == "kubernetes":
            ordered = dict.fromkeys(ordered, self._refuse)
        return ControlServer(
            self._settings.folder / "control.json",
            reads={"status": self._status, "repair": acts.marks},
            acts={**ordered, "repair": acts.repair},
        )

    async def _refuse(self, _because: str, _by: str) -> str:
        """Refuses an order from inside the pod: the API server's audit log would not show it."""
        raise RefusedError(
            "in a cluster a trader obeys its TradeBot alone: use `kubectl tradebot`, or set "
            "spec.control"
        )

    def _status(self) -> dict[str, Any]:
        status: dict[str, Any] = msgspec.to_builtins(self._engine.status())
        conditions = msgspec.to_builtins(self._gates.conditions())
        return status | {"standby": False, "conditions": conditions}

    async def _stop(self, tasks: Sequence[asyncio.Future[None]], control: ControlServer) -> None:
        flatten = self._settings.on_stop == "flatten"
        try:
            async with asyncio.timeout(None if flatten else STOP_SECONDS):
                await self._acts.stop(flatten=flatten, cancel=self._gates.reconciled().status)
        except TimeoutError:
            self._log.warning("an order was still in flight at the stop; looking it up")
        except LeaseLostError as error:
            self._log.warning("stopping without a word to the venue", reason=str(error))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(1.0):
                await self._engine.journaled.flush()
        except TimeoutError:
            self._log.warning(
                "some documents are not sent yet; they will be sent at the next start"
            )
        await asyncio.gather(
            control.close(),
            self._reporter.close(),
            self._obeying.close(),
            *(stream.close() for stream in (self._windows, *self._others)),
            return_exceptions=True,
        )

    async def _on_windows(self, messages: list[Message]) -> None:
        await self._screen.settled()
        for message in messages:
            record = self._screen.window(message)
            window = None if record is None else self._gathered.take(record)
            if window is not None:
                await self._decider.on_window(window)
                self._accounts.tell()
        told = await asyncio.to_thread(self._dead_letters.deliver, LETTER_SECONDS)
        if told and self._gathered.settled() and not self._engine.stopping:
            await self._windows.commit(messages)

    async def _on_forecasts(self, messages: list[Message]) -> None:
        await self._screen.settled()
        for message in messages:
            record = self._screen.forecast(message)
            if record is not None:
                self._forecasts.take(record)
        self._dead_letters.poll()

    async def _on_proposals(self, messages: list[Message]) -> None:
        await self._screen.settled()
        proposer = self._settings.proposer.encode()
        for message in messages:
            if key_of(message) != proposer:
                continue
            record = self._screen.proposal(message)
            if record is None:
                continue
            past = (message.offset() or 0) < self._past.get(message.partition() or 0, 0)
            refusal = self._proposals.take(record, past=past)
            if refusal is not None:
                self._screen.refuse(message, refusal)
        self._engine.tighten(self._proposals.exits())
        self._dead_letters.poll()

    async def _on_trades(self, messages: list[Message]) -> None:
        for message in messages:
            self._trades.take(message, self._clock.now())

    async def _on_parity(self, messages: list[Message]) -> None:
        for message in messages:
            self._parity.take(message)

    async def _reconcile(self) -> None:
        """Reconciles at the start, when something is in doubt, and every few minutes."""
        engine, wait = self._engine, FIRST_WAIT
        engine.due.set()
        while True:
            try:
                async with asyncio.timeout(self._settings.reconcile_seconds):
                    await engine.due.wait()
            except TimeoutError:
                pass
            engine.due.clear()
            try:
                outcome = await engine.reconcile()
                wait = FIRST_WAIT if outcome.certain else min(LONGEST_WAIT, wait * 2)
                if outcome.certain:
                    continue
            except VenueError as error:
                self._log.warning("not reconciled", reason=str(error))
                wait = min(LONGEST_WAIT, wait * 2)
            # Spread, so that retries do not keep the rhythm of a venue that fails at intervals.
            await asyncio.sleep(wait * random.uniform(0.5, 1))  # noqa: S311
            engine.due.set()

    async def _watch_market(self) -> None:
        """Keeps the symbol's status fresh, so that a decision never waits for it."""
        while True:
            await asyncio.sleep(MARKET_SECONDS)
            try:
                await self._engine.market.refresh()
            except VenueError as error:
                self._log.debug("the market's status is not known", reason=str(error))

    async def _beat(self) -> None:
        """A dead man's switch: the venue cancels all orders when heartbeats stop.

        A trader sends them only while it is reconciled, receives the feed and holds the lease, so
        the venue itself disarms one that was cut off.
        """
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            if self._settings.heartbeat and self._gates.well():
                await self._engine.heartbeat()

    async def _tell_account(self) -> None:
        while True:
            self._accounts.tell()
            await asyncio.sleep(ACCOUNT_SECONDS)

    async def _report(self) -> None:
        was_fresh = True
        while True:
            self._obeying.obeyed.clear()
            conditions = self._gates.conditions()
            await self._reporter.report(conditions, self._bot_report(), self._obeying.last)
            if not self._lease.held():
                raise LeaseLostError("the lease was lost: another trader may act for the bot now")
            fresh = next(c.status for c in conditions if c.type == "FeedFresh")
            if fresh and not was_fresh:
                self._engine.due.set()  # something may have happened while we were cut off
            was_fresh = fresh
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REPORT_SECONDS):
                    await self._obeying.obeyed.wait()

    def _bot_report(self) -> BotReport | None:
        """Returns the bot's report, once its balances and a price are known."""
        engine = self._engine
        if not (engine.journaled.ledger.known and engine.mid):
            return None
        return bot_report(
            engine.journaled.ledger,
            engine.rules,
            mid=engine.mid,
            price_step=engine.market.instrument.price_step,
            now=self._clock.now(),
            latest=self._decider.latest,
            forecast=self._forecasts.newest,
        )


def _tail_group(settings: TraderSettings) -> str:
    return f"{settings.topic_prefix}trader-{settings.bot}-tail"
