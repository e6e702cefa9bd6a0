"""Keeps a trader from trading on a journal that was lost or damaged.

If the journal is empty, but the lease knows of an earlier one, positions, open orders and halts are
unknown. The trader then releases its lease and stays unready, with the reason, until a person has
restored the journal or adopted a new one.
"""

import asyncio
from typing import Final

from tradebot.platform import logs
from tradebot.platform.health import Readiness
from tradebot.platform.settings import SettingsError
from tradebot.platform.topics import Topics
from tradebot.trader import metrics
from tradebot.trader.backends import journal_of, journal_place, reporter_of
from tradebot.trader.control.report import Condition
from tradebot.trader.journal.replay import Replay
from tradebot.trader.journal.store import JournalError, UnusableJournalError
from tradebot.trader.lease import Lease
from tradebot.trader.settings import TraderSettings

LOOK_SECONDS: Final = 5.0
"""Interval between checks of an unusable journal."""


def refuse_lost(settings: TraderSettings, lease: Lease, entries: int) -> None:
    """Checks that the journal has entries, or that the held lease knows of none.

    Args:
        entries: number of entries read.

    Raises:
        UnusableJournalError: the journal was lost.
    """
    if not entries and not lease.journal_unwritten():
        raise _lost(settings)


def _lost(settings: TraderSettings) -> UnusableJournalError:
    bot = settings.bot
    return UnusableJournalError(
        f"the journal of {bot} is empty ({journal_place(settings)}), but the lease says that a "
        f"trader of {bot} ran before: its position, open orders and halts are unknown, so nothing "
        f"is traded. Restore the journal with `tradebot journal restore {bot} FILE`, or start a "
        f"new one with `tradebot journal adopt {bot} --because REASON`"
    )


def refuse_data_loss(settings: TraderSettings) -> None:
    """Returns unless real money would depend on a journal that one failure loses; blocks.

    Raises:
        UnusableJournalError: says what could be lost, and how to accept it.
        JournalError: the brokers do not respond.
    """
    real = settings.mode == "Live" and settings.environment == "Production"
    if not real or settings.journal != "kafka" or settings.accept_data_loss:
        return
    from tradebot.trader.journal.topic_settings import replicas_of

    topic = Topics.of(settings).journal_of(settings.bot)
    if settings.kafka_ephemeral:
        risk = "the brokers have ephemeral storage: the journal is lost with their pods"
    elif replicas_of(settings, topic) < 2:
        risk = f"topic {topic} has one replica: the journal is lost with its broker"
    else:
        return
    raise UnusableJournalError(
        f"{settings.bot} would trade with real money, but {risk}. Use three brokers with "
        "persistent storage, or accept the loss with spec.acceptDataLoss: true (--accept-data-loss)"
    )


async def until_usable(
    settings: TraderSettings, readiness: Readiness, error: UnusableJournalError
) -> None:
    """Stays unready with the reason, until the journal is usable."""
    log, reporter = logs.get("trader"), reporter_of(settings)
    log.error("the journal cannot be used", reason=str(error))
    try:
        trouble: str | None = str(error)
        while trouble is not None:
            readiness.close("journal", trouble)
            metrics.CONDITION.labels(settings.bot, "Reconciled").set(0)
            condition = Condition(
                type="Reconciled", status=False, reason="JournalUnusable", message=trouble
            )
            await reporter.report([condition])
            await asyncio.sleep(LOOK_SECONDS)
            trouble = await asyncio.to_thread(_trouble, settings)
        readiness.open("journal")
    finally:
        await reporter.close()


def _trouble(settings: TraderSettings) -> str | None:
    """Returns why the journal still cannot be used."""
    try:
        journal = journal_of(settings)
        refuse_data_loss(settings)
        try:
            entries = Replay.of(journal.read(), settings.bot).number
        finally:
            journal.close()
    except (JournalError, SettingsError) as error:
        return str(error)
    return None if entries else str(_lost(settings))
