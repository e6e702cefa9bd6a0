"""Sells everything without a running trader, with its keys and under the same lease.

For when the stage is dead or Kafka is down. If the journal can be opened, the sale is written to it
as by the trader itself, which continues from there. If not, for example without Kafka, the bot's
position is computed from its own trades at the venue, and the orders carry the name `BOT-direct`:
to the trader's journal they are trades of somebody else, never an unknown intent.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from decimal import Decimal
from functools import partial
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from tradebot.domain.intent import read_name
from tradebot.domain.money import ZERO
from tradebot.platform.clock import VenueClock
from tradebot.platform.settings import SettingsError
from tradebot.trader.acts import Acts
from tradebot.trader.assembly import engine_of
from tradebot.trader.backends import account_mode, held_for_command, keys_of, open_journal
from tradebot.trader.engine import Engine
from tradebot.trader.inputs.market import MarketClient
from tradebot.trader.journal.documents import Identity
from tradebot.trader.journal.entries import Entry, EpochTaken
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.publisher import UnsentDocuments
from tradebot.trader.journal.replay import Replay
from tradebot.trader.journal.store import Journal, JournalError
from tradebot.trader.journal_guard import refuse_lost
from tradebot.trader.lease import Lease, LeaseError, LeaseLostError
from tradebot.trader.orders.execution import withheld
from tradebot.trader.selling import Selling
from tradebot.trader.settings import TraderSettings, rules
from tradebot.venue.errors import VenueError
from tradebot.venue.port import OwnTrade, Venue, VenueAccount, fee_table, open_venue

TRADES_MS: Final = 30 * 86_400_000
"""How far back to search the bot's own trades if its journal cannot be opened."""

RETRY_SECONDS: Final = 2.0

Answer = TypeVar("Answer")


class NoJournal:
    """Entries of this process only, if the bot's own journal cannot be opened."""

    def read(self) -> Iterator[Entry]:
        """Returns none."""
        return iter(())

    def follow(self) -> Iterator[Entry]:
        """Returns none."""
        return iter(())

    async def append(self, *entries: Entry) -> None:
        """Only the ledger keeps them."""

    async def compact(self, snapshot: Entry) -> bool:
        """Does nothing."""
        return False

    def close(self) -> None:
        """Does nothing."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """Who requests it and why, its deadline (monotonic seconds), and who is informed."""

    because: str
    by: str
    until: float
    tell: Callable[[str], None]

    async def insist(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Returns the venue's response, retrying until there is one.

        Raises:
            VenueError: there was none in time.
        """
        while True:
            try:
                return await ask()
            except VenueError as error:
                if time.monotonic() > self.until:
                    raise
                self.tell(f"asking again: {error}")
                await asyncio.sleep(RETRY_SECONDS)


async def flatten(
    settings: TraderSettings,
    *,
    because: str,
    by: str,
    seconds: float,
    tell: Callable[[str], None],
) -> str:
    """Sells all that the bot may sell; returns a sentence about what it did.

    Args:
        seconds: how long it tries.
        tell: called with messages about progress.

    Raises:
        SettingsError: the bot has no keys, its lease cannot be acquired, the venue does not
            respond, or something could not be sold in time; the message says what.
    """
    if account_mode(settings) != "Live":
        raise SettingsError(
            f"{settings.bot} is on paper and has nothing at the venue: give the settings of its"
            " trader by --config or as TRADEBOT_ variables, with mode Live and the key's files"
        )
    async with held_for_command(settings, "direct") as (lease, epoch):
        attempt = Attempt(because=because, by=by, until=time.monotonic() + seconds, tell=tell)
        venue = open_venue(settings, keys_of(settings))
        try:
            return await _sell(settings, venue, lease, epoch, attempt)
        except (VenueError, JournalError, LeaseError, LeaseLostError) as error:
            raise SettingsError(f"{settings.bot} is not flat: {error}") from None
        finally:
            await venue.aclose()


async def _sell(
    settings: TraderSettings, venue: Venue, lease: Lease, epoch: int, attempt: Attempt
) -> str:
    market = MarketClient(venue.market, settings.symbol, fee_table(settings.venue).first)
    await attempt.insist(market.refresh)
    clock = VenueClock(settings.speed)
    ticker = await attempt.insist(market.ticker)
    clock.follow(ticker.ts or int((await attempt.insist(venue.market.time) or 0) * 1000))
    journal = await _journal(settings, lease, attempt.tell)
    journaled = await _journaled(settings, journal, lease, epoch, clock)
    try:
        account = venue.account(settings.symbol, partial(withheld, journaled, lease.held))
        numbers = rules(settings)
        if journal is None:  # nothing says what the bot bought: see `_others`
            numbers = replace(numbers, holdings="All")
            await attempt.insist(partial(_cancel_own, account, settings.bot))
        engine = engine_of(journaled, account, market, clock, lease, numbers)
        await attempt.insist(engine.reconcile)
        keep = ZERO if journal is not None else await _others(settings, engine, account, attempt)
        await _until_flat(engine, Selling(engine, keep), attempt)
    finally:
        journaled.close()
    sold = f"{settings.bot} holds nothing that could be sold any more"
    if journal is None:
        return f"{sold}; its trader is not paused and may buy again: pause it when it runs"
    return f"{sold}; its trader stays paused"


async def _until_flat(engine: Engine, selling: Selling, attempt: Attempt) -> None:
    told = await Acts(engine, selling).flatten(attempt.because, attempt.by)
    while engine.doubt or selling.sellable():
        attempt.tell(told)
        if time.monotonic() > attempt.until:
            raise SettingsError(f"not everything could be sold in time: {told}")
        await asyncio.sleep(RETRY_SECONDS)
        async with engine.acting:
            left = await selling.flatten()
        told = f"{left} is left" if left else "nothing is left to sell"


async def _journal(
    settings: TraderSettings, lease: Lease, tell: Callable[[str], None]
) -> Journal | None:
    """Opens the bot's journal; `None` if that is impossible now, or it was lost or damaged."""
    try:
        journal = await open_journal(settings)
        replay = await asyncio.to_thread(lambda: Replay.of(journal.read(), settings.bot))
        refuse_lost(settings, lease, replay.number)
    except (JournalError, SettingsError) as error:
        tell(f"the journal cannot be used, so this sale is not in it: {error}")
        return None
    return journal


async def _journaled(
    settings: TraderSettings, journal: Journal | None, lease: Lease, epoch: int, clock: VenueClock
) -> JournaledLedger:
    name = settings.bot if journal is not None else f"{settings.bot}-direct"
    who = Identity(bot=name, symbol=settings.symbol, mode="Live")
    journaled = JournaledLedger(journal or NoJournal(), UnsentDocuments(), who, clock.now)
    await asyncio.to_thread(journaled.open)
    if epoch <= journaled.ledger.epoch:
        epoch = await lease.exceed(journaled.ledger.epoch)
    await journaled.record(EpochTaken(epoch=epoch, mode="Live"))
    if journal is not None:
        lease.journal_written()
    return journaled


async def _cancel_own(account: VenueAccount, bot: str) -> None:
    """Cancels the bot's resting orders, so that its whole position can be sold."""
    for status in await account.live_orders():
        name = read_name(status.client_order_id)
        if name is not None and name.bot == bot:
            await account.cancel(status.order_id)


async def _others(
    settings: TraderSettings, engine: Engine, account: VenueAccount, attempt: Attempt
) -> Decimal:
    """Returns the base that the bot did not buy, by its own recent trades at the venue."""
    if settings.holdings == "All":
        return ZERO
    since = max(0, engine.clock.now() - TRADES_MS)
    trades = await attempt.insist(partial(account.trades, since))
    return max(ZERO, engine.state().base - net_of(settings.bot, trades))


def net_of(bot: str, trades: Iterable[OwnTrade]) -> Decimal:
    """Returns what the bot's own orders bought and have not sold."""
    net = ZERO
    for trade in sorted(trades, key=lambda trade: (trade.ts, trade.tid)):
        name = read_name(trade.client_order_id)
        if name is None or name.bot != bot or trade.broken:
            continue
        net = max(ZERO, net + trade.amount if trade.side == "buy" else net - trade.amount)
    return net
