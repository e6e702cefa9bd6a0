"""Where a trader's lease, journal and conditions live: this machine, or a cluster."""

from tradebot.platform.topics import Topics
from tradebot.trader.control.report import NoReporter, Reporter
from tradebot.trader.journal.store import Journal, SqliteJournal
from tradebot.trader.lease import FileLease, Lease
from tradebot.trader.settings import TraderSettings


def lease_of(settings: TraderSettings) -> Lease:
    """The right to act for the bot."""
    if settings.lease == "kubernetes":
        from tradebot.trader.cluster.api import ClusterApi
        from tradebot.trader.cluster.lease import KubernetesLease

        return KubernetesLease(
            ClusterApi(),
            namespace=settings.namespace,
            bot=settings.bot,
            holder=settings.pod_name,
        )
    return FileLease(settings.folder)


def journal_of(settings: TraderSettings) -> Journal:
    """The bot's journal.

    Raises:
        JournalError: it cannot be opened.
    """
    if settings.journal == "kafka":
        from tradebot.trader.journal.kafka import KafkaJournal

        return KafkaJournal(settings, Topics.of(settings).journal, settings.bot)
    return SqliteJournal(settings.folder / "journal.sqlite")


def reporter_of(settings: TraderSettings) -> Reporter:
    """Where the bot's conditions are shown in addition to its readiness gates."""
    if settings.report == "kubernetes":
        from tradebot.trader.cluster.api import ClusterApi
        from tradebot.trader.cluster.status import StatusReporter

        return StatusReporter(
            ClusterApi(),
            namespace=settings.namespace,
            bot=settings.bot,
            generation=settings.generation,
        )
    return NoReporter()
