"""Carries a bot's journal over from the topic that all bots once shared."""

import asyncio

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tradebot.platform import logs
from tradebot.platform.kafka import client_config, consumer
from tradebot.platform.settings import StageSettings
from tradebot.platform.topic import bounds
from tradebot.trader.journal.entries import Entry
from tradebot.trader.journal.kafka import KafkaJournal
from tradebot.trader.journal.replay import Replay
from tradebot.trader.journal.store import JournalError
from tradebot.trader.journal.topic_reader import TopicReader

TIMEOUT = 10.0


async def migrate(settings: StageSettings, topic: str, shared: str, bot: str) -> None:
    """Writes what the topic `shared` says of the bot as the first entry of an empty `topic`.

    That entry is one snapshot, with all documents that may not have been delivered, so it is
    written whole or not at all. The shared topic stays as it is. The lease must be held.

    Raises:
        JournalError: the shared topic cannot be read, or the entry cannot be written.
        SettingsError: see `KafkaJournal`.
    """
    entry = await asyncio.to_thread(_carried, settings, topic, shared, bot)
    if entry is None:
        return
    journal = await asyncio.to_thread(KafkaJournal, settings, topic, bot)
    await journal.append(entry)
    journal.close()
    logs.get("trader").info(
        "the journal was carried over to its own topic", shared=shared, entries=entry.number
    )


def _carried(settings: StageSettings, topic: str, shared: str, bot: str) -> Entry | None:
    if not _holds_records(settings, shared) or _holds_records(settings, topic):
        return None
    replay = Replay.of(TopicReader(settings, shared, bot).entries(), bot)
    return replay.carried() if replay.number else None


def _holds_records(settings: StageSettings, topic: str) -> bool:
    """Whether the topic exists and is not empty; asking for it by name could create it."""
    try:
        if topic not in AdminClient(client_config(settings)).list_topics(timeout=TIMEOUT).topics:
            return False
        reader = consumer(settings, "journal-migration")
        try:
            return any(high > 0 for _, _, high in bounds(reader, topic))
        finally:
            reader.close()
    except KafkaException as error:
        raise JournalError(f"cannot look at the topic {topic}: {error}") from None
