"""Starts a new journal for a bot that had traded before and whose journal is lost."""

import asyncio

from tradebot.platform.settings import SettingsError
from tradebot.trader.backends import account_mode, held_for_command, journal_place, open_journal
from tradebot.trader.journal.documents import Identity
from tradebot.trader.journal.entries import Adopted, EpochTaken
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.publisher import UnsentDocuments
from tradebot.trader.journal.store import JournalError
from tradebot.trader.settings import TraderSettings


async def adopt(settings: TraderSettings, *, because: str, by: str) -> str:
    """Writes the first entries of a new journal; returns a sentence about the consequences.

    Raises:
        SettingsError: the journal has entries, cannot be written, or a trader holds the lease.
    """
    who = Identity(bot=settings.bot, symbol=settings.symbol, mode=account_mode(settings))
    async with held_for_command(settings, "adopt") as (lease, epoch):
        try:
            journal = await open_journal(settings)
            journaled = JournaledLedger(journal, UnsentDocuments(), who, lambda: 0)
            try:
                entries = await asyncio.to_thread(journaled.open)
                if entries:
                    raise SettingsError(
                        f"the journal of {settings.bot} has entries up to {entries} "
                        f"({journal_place(settings)}): there is nothing to adopt"
                    )
                # The trader's own first entry says whose money the ledger is of.
                await journaled.record(
                    EpochTaken(epoch=epoch, mode=""), Adopted(because=because, by=by)
                )
            finally:
                journaled.close()
        except JournalError as error:
            raise SettingsError(str(error)) from None
        lease.journal_written()
    return (
        f"{settings.bot} has a new journal: its trader takes the account's balances as they are. "
        "Earlier halts and losses are forgotten, and coins bought before are not its own to sell"
    )
