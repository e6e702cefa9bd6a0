"""The trader's process: sets up its parts, runs them, and stops them in order."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final, TypeVar

from structlog.contextvars import bind_contextvars

from tradebot.domain.account import fold
from tradebot.domain.money import ZERO
from tradebot.platform import logs
from tradebot.platform.clock import VenueClock
from tradebot.platform.health import Readiness
from tradebot.platform.kafka import producer
from tradebot.platform.settings import SettingsError
from tradebot.platform.stage import Frame, ensure_topics, running
from tradebot.platform.topics import Topics
from tradebot.trader import STAGE, metrics
from tradebot.trader.accounts import Accounts
from tradebot.trader.acts import Acts
from tradebot.trader.assembly import engine_of
from tradebot.trader.backends import (
    account_mode,
    carry_over,
    journal_of,
    keys_of,
    lease_of,
    orders_of,
    reporter_of,
)
from tradebot.trader.control.gates import Gates
from tradebot.trader.deciding import Decider
from tradebot.trader.inputs.forecasts import Forecasts
from tradebot.trader.inputs.market import MarketClient
from tradebot.trader.inputs.parity import Parity
from tradebot.trader.inputs.proposals import Proposals
from tradebot.trader.inputs.trades import FRESH_SECONDS, LastTrade
from tradebot.trader.journal.documents import Identity
from tradebot.trader.journal.entries import EpochTaken
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.outage import OutageJournal
from tradebot.trader.journal.publisher import KafkaPublisher
from tradebot.trader.journal.store import Journal, JournalError, UnusableJournalError
from tradebot.trader.journal_guard import refuse_data_loss, refuse_lost, until_usable
from tradebot.trader.lease import Lease, LeaseError, LeaseLostError
from tradebot.trader.loops import Loops
from tradebot.trader.obeying import Obeying
from tradebot.trader.orders.execution import withheld
from tradebot.trader.orders.held import HeldAccount
from tradebot.trader.orders.paper import PaperAccount
from tradebot.trader.renewed_lease import RenewedLease
from tradebot.trader.selling import Selling
from tradebot.trader.settings import TraderSettings, rules
from tradebot.trader.standby import Standby
from tradebot.trader.watch import Watch
from tradebot.venue.errors import VenueError
from tradebot.venue.port import (
    Fees,
    FeeTable,
    FeeTier,
    Venue,
    VenueAccount,
    fee_table,
    open_venue,
)

LONGEST_WAIT: Final = 10.0

Answer = TypeVar("Answer")


def run(settings: TraderSettings) -> None:
    """Runs the trader until SIGTERM or SIGINT.

    Raises:
        SettingsError: a setting is invalid, or its journal can no longer be written.
    """
    bind_contextvars(bot=settings.bot, symbol=settings.symbol)
    # The lease comes before the broker: without it the process needs no topics.
    with running(STAGE, settings, topics=False) as frame:
        asyncio.run(_run(frame))


async def _run(frame: Frame[TraderSettings]) -> None:
    settings, stopping = frame.settings, asyncio.Event()
    frame.stopping.call_in_loop(stopping.set)
    venue = open_venue(settings, keys_of(settings))
    try:
        while trouble := await _lead(settings, frame.readiness, venue, stopping):
            # Without the lease, so that a person's command can take it.
            await _unless(stopping, until_usable(settings, frame.readiness, trouble))
    finally:
        await venue.aclose()


async def _lead(
    settings: TraderSettings, readiness: Readiness, venue: Venue, stopping: asyncio.Event
) -> UnusableJournalError | None:
    """Trades under the lease until the stage is to stop; or says why the journal forbids it."""
    lease, clock = lease_of(settings), VenueClock(settings.speed)
    opened = partial(_open_ledger, settings, clock, lease)
    journaled: JournaledLedger | None = None
    metrics.ACTIVE.labels(settings.bot).set(0)
    try:
        if isinstance(lease, RenewedLease) and settings.standby:
            standby = Standby(settings, readiness, lease, opened)
            epoch = await _unless(stopping, standby.wait())
            journaled = standby.journaled
        else:
            epoch = await _unless(stopping, lease.acquire())
        if epoch is not None:
            if journaled is None:
                # What waits for a server does so in a thread: the lease is renewed in this loop.
                journaled = await asyncio.to_thread(opened)
            await _hold(settings, readiness, venue, clock, lease, journaled, epoch, stopping)
    except UnusableJournalError as error:
        return error
    except (LeaseError, LeaseLostError, JournalError) as error:
        raise SettingsError(str(error)) from None
    finally:
        if journaled is not None:
            journaled.close()
        await lease.release()
    return None


def _open_ledger(settings: TraderSettings, clock: VenueClock, lease: Lease) -> JournaledLedger:
    """Opens the journal and reads nothing yet; blocks.

    Raises:
        SettingsError: no broker responds, or a topic cannot be created.
        JournalError: the journal cannot be opened.
    """
    journal = _journal(settings)
    # Decisions must reach the store even if the broker is away for long: no delivery timeout.
    publisher = KafkaPublisher(
        producer(settings, **{"message.timeout.ms": 0, "linger.ms": 1}),
        Topics.of(settings).documents,
    )
    who = Identity(
        bot=settings.bot, symbol=settings.symbol, mode=account_mode(settings), venue=settings.venue
    )
    return JournaledLedger(journal, publisher, who, clock.now, lease.held)


def _journal(settings: TraderSettings) -> Journal:
    def home() -> Journal:
        ensure_topics(STAGE, settings)
        journal = journal_of(settings)
        refuse_data_loss(settings)
        return journal

    if settings.journal == "kafka":
        return OutageJournal(home, settings.folder / "journal-outage.jsonl")
    return home()


async def _hold(
    settings: TraderSettings,
    readiness: Readiness,
    venue: Venue,
    clock: VenueClock,
    lease: Lease,
    journaled: JournaledLedger,
    epoch: int,
    stopping: asyncio.Event,
) -> None:
    """All that is done while the lease is held."""
    metrics.from_zero(settings.bot)
    entries = await _opened(settings, journaled)
    refuse_lost(settings, lease, entries)
    if epoch <= journaled.ledger.epoch:  # the lease went with its TradeBot, the journal did not
        epoch = await lease.exceed(journaled.ledger.epoch)
    metrics.EPOCH.labels(settings.bot).set(epoch)
    metrics.ACTIVE.labels(settings.bot).set(1)
    await journaled.record(EpochTaken(epoch=epoch, mode=journaled.who.mode))
    lease.journal_written()
    market = MarketClient(venue.market, settings.symbol, fees_of(settings).first)
    if await _unless(stopping, _meet(market, readiness)) is None:
        return
    engine = engine_of(
        journaled,
        _account(settings, journaled, market, venue, clock, lease),
        market,
        clock,
        lease,
        rules(settings),
        paused="the mode is Paused" if settings.mode == "Paused" else "",
    )
    forecasts = Forecasts(settings.symbol, settings.model, settings.forecaster)
    selling = Selling(engine, speed=settings.speed)
    acts = Acts(engine, selling)
    trades = LastTrade(settings.symbol, int(FRESH_SECONDS * 1000 * settings.speed))
    proposals = Proposals(settings.symbol, settings.proposer, settings.proposal_wait_seconds)
    parity = Parity(settings.bot)
    gates = Gates(settings, engine, clock, forecasts, lease, proposals, parity)
    gates.watch(readiness)
    reporter = reporter_of(settings)
    logs.get("trader").info(
        "the bot started",
        mode=settings.mode,
        epoch=epoch,
        window_end=journaled.ledger.window_end,
    )
    loops = await asyncio.to_thread(
        Loops,
        settings,
        Topics.of(settings),
        engine,
        Decider(engine, forecasts, selling, proposals),
        acts,
        Obeying(engine, acts, orders_of(settings)),
        Watch(engine, selling, trades, settings.watch_seconds),
        trades,
        gates,
        clock,
        forecasts,
        proposals,
        parity,
        Accounts(engine, producer(settings, **{"linger.ms": 1}), Topics.of(settings).accounts),
        reporter,
        lease,
    )
    readiness.started()
    await loops.run(stopping)


async def _opened(settings: TraderSettings, journaled: JournaledLedger) -> int:
    """Reads the journal to its end; a standby goes on without, where the brokers are away.

    Raises:
        JournalError: the journal cannot be read, and nothing is known of it.
    """
    try:
        if not journaled.down:
            await carry_over(settings)
        return await asyncio.to_thread(journaled.open)
    except UnusableJournalError:
        raise
    except (JournalError, SettingsError) as error:
        if not journaled.go_on_blind(error):
            raise
        return 1


async def _meet(market: MarketClient, readiness: Readiness) -> bool:
    """Reads the symbol's rules, waiting as long as the venue does not respond."""
    wait, log = 0.5, logs.get("trader")
    while True:
        try:
            await market.refresh()
        except VenueError as error:
            reason = f"the venue does not respond: {error}"
            readiness.close("venue", reason)
            log.warning("waiting for the venue", reason=str(error))
            await asyncio.sleep(wait)
            wait = min(LONGEST_WAIT, wait * 2)
        else:
            readiness.open("venue")
            return True


def fees_of(settings: TraderSettings) -> FeeTable:
    """The fees that a paper account pays, and any account until its own are known."""
    maker, taker = settings.paper_maker_bps, settings.paper_taker_bps
    if settings.mode == "Live" or maker is None or taker is None:
        return fee_table(settings.venue)
    return FeeTable((FeeTier(ZERO, Fees(maker_bps=maker, taker_bps=taker)),))


def _account(
    settings: TraderSettings,
    journaled: JournaledLedger,
    market: MarketClient,
    venue: Venue,
    clock: VenueClock,
    lease: Lease,
) -> VenueAccount:
    if journaled.who.mode == "Live":
        account = venue.account(settings.symbol, partial(withheld, journaled, lease.held))
        return HeldAccount(account, lease.held)
    ledger = journaled.ledger
    base, quote = (
        (ledger.base, ledger.quote) if ledger.known else (settings.paper_base, settings.paper_quote)
    )
    table = fees_of(settings)
    account = PaperAccount(
        venue.market,
        market.instrument,
        fees=lambda: table.at(fold.volume(journaled.ledger, clock.now())),
        base=base,
        quote=quote,
        now=clock.now,
        latency=settings.paper_latency_ms / 1000 / settings.speed,
    )
    for placed in (*ledger.unresolved(), *ledger.resting()):
        account.restore(placed)
    return account


async def _unless(stopping: asyncio.Event, work: Coroutine[Any, Any, Answer]) -> Answer | None:
    """Returns the result of `work`, or `None` if the stage is stopped before."""
    task = asyncio.ensure_future(work)
    stop = asyncio.ensure_future(stopping.wait())
    await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return None
