"""Carries a bot's journal over from the topic that all bots once shared."""

import asyncio

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tradebot.platform import logs
from tradebot.platform.kafka import client_config
from tradebot.platform.settings import StageSettings
from tradebot.trader.journal.entries import Entry
from tradebot.trader.journal.ledger import snapshot
from tradebot.trader.journal.replay import Replay
from tradebot.trader.journal.store import Journal, JournalError
from tradebot.trader.journal.topic_reader import TopicReader

TIMEOUT = 10.0


async def migrate(settings: StageSettings, journal: Journal, shared: str, bot: str) -> None:
    """Writes what the topic `shared` says of the bot as the first entry of an empty journal.

    That entry is one snapshot, with all documents that may not have been delivered, so it is
    written whole or not at all. The shared topic stays as it is. The lease must be held.

    Raises:
        JournalError: the shared topic cannot be read, or the entry cannot be written.
    """
    entry = await asyncio.to_thread(_carried, settings, journal, shared, bot)
    if entry is not None:
        await journal.append(entry)
        logs.get("trader").info(
            "the journal was carried over to its own topic", shared=shared, entries=entry.number
        )


def _carried(settings: StageSettings, journal: Journal, shared: str, bot: str) -> Entry | None:
    if next(iter(journal.read()), None) is not None or not _exists(settings, shared):
        return None
    replay, ts = Replay(bot), 0
    for entry in TopicReader(settings, shared, bot).entries():
        replay.take(entry)
        ts = entry.ts
    if not replay.number:
        return None
    late = replay.undelivered()
    return Entry(
        number=replay.number,
        epoch=replay.ledger.epoch,
        ts=ts,
        published=late[0].number - 1 if late else replay.number,
        body=snapshot(replay.ledger),
        documents=tuple(document for entry in late for document in entry.documents),
    )


def _exists(settings: StageSettings, topic: str) -> bool:
    """Whether the topic exists; asking for it by name could create it."""
    try:
        return topic in AdminClient(client_config(settings)).list_topics(timeout=TIMEOUT).topics
    except KafkaException as error:
        raise JournalError(f"cannot look for the topic {topic}: {error}") from None
