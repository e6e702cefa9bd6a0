"""Where a trader's lease, journal and conditions are kept: this machine, or a cluster."""

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import AsyncIterator
from typing import Final

from tradebot.platform.settings import SettingsError
from tradebot.platform.topics import Topics
from tradebot.trader.claim_files import ClaimFiles
from tradebot.trader.control.report import NoReporter, Reporter
from tradebot.trader.journal.store import SqliteJournal, StoredJournal
from tradebot.trader.lease import FileLease, Lease, LeaseError
from tradebot.trader.obeying import NoOrders, Orders
from tradebot.trader.renewed_lease import RenewedLease, Term
from tradebot.trader.settings import TraderSettings
from tradebot.venue.port import Keys


def lease_of(settings: TraderSettings, suffix: str = "") -> Lease:
    """Returns the bot's lease.

    Args:
        suffix: of the holder's name, for a process that is not the pod's own trader.
    """
    term = Term(settings.term_seconds)
    if settings.lease == "kubernetes":
        from tradebot.platform.cluster import ClusterApi
        from tradebot.trader.cluster.lease import LeaseObject

        place = LeaseObject(ClusterApi(), namespace=settings.namespace, bot=settings.bot)
        return RenewedLease(place, holder=settings.pod_name + suffix, term=term)
    if settings.standby:
        holder = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
        return RenewedLease(ClaimFiles(settings.folder), holder=holder, term=term)
    return FileLease(settings.folder)


COMMAND_SECONDS: Final = 40.0
"""A trader that hangs has lost a cluster's lease by then; one that renews it must be stopped."""


@contextlib.asynccontextmanager
async def held_for_command(settings: TraderSettings, name: str) -> AsyncIterator[tuple[Lease, int]]:
    """Yields the bot's lease and its epoch, for a command that acts without a trader.

    Args:
        name: of the command, at the end of the holder's.

    Raises:
        SettingsError: a trader holds the lease, or it cannot be acquired.
    """
    lease = lease_of(settings, suffix=f"-{name}")
    try:
        async with asyncio.timeout(COMMAND_SECONDS):
            epoch = await lease.acquire()
    except TimeoutError:
        raise SettingsError(
            f"a trader of {settings.bot} holds the lease and renews it: stop that trader first"
        ) from None
    except LeaseError as error:
        raise SettingsError(str(error)) from None
    try:
        yield lease, epoch
    finally:
        await lease.release()


def journal_of(settings: TraderSettings) -> StoredJournal:
    """Returns the bot's journal.

    Raises:
        JournalError: it cannot be opened.
    """
    if settings.journal == "kafka":
        from tradebot.trader.journal.kafka import KafkaJournal

        return KafkaJournal(settings, Topics.of(settings).journal_of(settings.bot), settings.bot)
    return SqliteJournal(settings.folder / "journal.sqlite")


async def open_journal(settings: TraderSettings) -> StoredJournal:
    """Opens the bot's journal for the holder of its lease.

    Raises:
        JournalError: it cannot be opened.
    """
    await carry_over(settings)
    return await asyncio.to_thread(journal_of, settings)


async def carry_over(settings: TraderSettings) -> None:
    """Migrates a journal from where earlier releases kept it; the lease must be held.

    Raises:
        JournalError: it cannot be read or written.
    """
    if settings.journal == "kafka":
        from tradebot.trader.journal.migration import migrate

        topics = Topics.of(settings)
        await migrate(settings, topics.journal_of(settings.bot), topics.journal, settings.bot)


def journal_place(settings: TraderSettings) -> str:
    """Returns where the bot's journal is, for a message."""
    if settings.journal == "kafka":
        return f"topic {Topics.of(settings).journal_of(settings.bot)} at {settings.kafka}"
    return str(settings.folder / "journal.sqlite")


def reporter_of(settings: TraderSettings) -> Reporter:
    """Returns where the bot's conditions are shown in addition to its readiness gates."""
    if settings.report == "kubernetes":
        from tradebot.platform.cluster import ClusterApi
        from tradebot.trader.cluster.status import StatusReporter

        return StatusReporter(
            ClusterApi(),
            namespace=settings.namespace,
            bot=settings.bot,
            active=settings.pod_name,
            generation=settings.generation,
        )
    return NoReporter()


def orders_of(settings: TraderSettings) -> Orders:
    """Returns where a person's orders come from, apart from commands on this machine."""
    if settings.report == "kubernetes":
        from tradebot.platform.cluster import ClusterApi
        from tradebot.trader.cluster.orders import BotOrders

        return BotOrders(ClusterApi(), namespace=settings.namespace, bot=settings.bot)
    return NoOrders()


def account_mode(settings: TraderSettings) -> str:
    """Returns whose money the ledger is of; a paused bot keeps the mode of its keys."""
    if settings.mode == "Paused":
        return "Live" if settings.api_key_file else "Paper"
    return settings.mode


def keys_of(settings: TraderSettings) -> Keys | None:
    """Returns where the account's key is, if the ledger is of real money."""
    if account_mode(settings) == "Paper":
        return None
    return Keys(
        api_key_file=settings.api_key_file,
        api_secret_file=settings.api_secret_file,
        time_based_nonce=settings.time_based_nonce,
        folder=settings.folder,
    )
