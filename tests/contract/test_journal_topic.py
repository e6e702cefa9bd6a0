"""A bot's journal in its own topic: its settings, its snapshots, and its migration."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from tradebot.platform.kafka import ensure_topics
from tradebot.platform.settings import StageSettings
from tradebot.records import DocType, Document
from tradebot.trader.journal.documents import Identity
from tradebot.trader.journal.entries import Entry, Halted, Snapshot
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.kafka import KafkaJournal
from tradebot.trader.journal.ledger import Ledger, snapshot
from tradebot.trader.journal.migration import migrate
from tradebot.trader.journal.publisher import UnsentDocuments
from tradebot.trader.journal.replay import Replay
from tradebot.trader.journal.store import UnusableJournalError, encode
from tradebot.trader.journal.topic_settings import CREATED

WHO = Identity(bot="btc", symbol="BTCUSD", mode="Live")
Open = Callable[[], KafkaJournal]


@pytest.fixture
def settings(kafka_address: str) -> StageSettings:
    return StageSettings(kafka=kafka_address)


@pytest.fixture
def topic() -> str:
    return f"journal-{uuid4().hex[:8]}.btc"


@pytest.fixture
def opened(settings: StageSettings, topic: str) -> Open:
    """Opens the bot's journal, the same one each time."""
    return lambda: KafkaJournal(settings, topic, "btc")


def entry(number: int, epoch: int = 1) -> Entry:
    body = Halted(reason=f"{epoch}/{number}")
    return Entry(number=number, epoch=epoch, ts=number, published=number, body=body)


def snapped(number: int, epoch: int = 1) -> Entry:
    body = snapshot(Ledger(epoch=epoch, halted=f"{epoch}/{number}"))
    return Entry(number=number, epoch=epoch, ts=number, published=number, body=body)


def first_offset(settings: StageSettings, topic: str) -> int:
    reader = Consumer({"bootstrap.servers": settings.kafka, "group.id": "watermarks"})
    low, _high = reader.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
    reader.close()
    return int(low)


def numbers(journal: KafkaJournal) -> list[tuple[int, int]]:
    return [(each.epoch, each.number) for each in journal.read()]


async def test_a_snapshot_deletes_the_entries_before_it(
    opened: Open, settings: StageSettings, topic: str
) -> None:
    journal = opened()
    list(journal.read())
    for number in range(1, 6):
        await journal.append(entry(number))
    assert await journal.compact(snapped(5))
    await journal.append(entry(6))
    assert first_offset(settings, topic) == 5
    first, last = opened().read()
    assert isinstance(first.body, Snapshot)
    assert (first.number, last.number) == (5, 6)


async def test_a_trader_that_lost_its_lease_deletes_nothing_of_its_successor(
    opened: Open, settings: StageSettings, topic: str
) -> None:
    old, new = opened(), opened()
    list(old.read())
    for number in (1, 2):
        await old.append(entry(number))
    list(new.read())
    await new.append(entry(3, epoch=2))
    await old.compact(snapped(2))
    assert first_offset(settings, topic) == 0
    assert numbers(opened()) == [(1, 1), (1, 2), (2, 3)]


async def test_a_snapshot_of_a_trader_that_has_not_read_the_journal_is_not_written(
    opened: Open,
) -> None:
    journal = opened()
    await journal.append(entry(1))
    assert not await journal.compact(snapped(1))
    assert numbers(opened()) == [(1, 1)]


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"retention.ms": "604800000"}, "retention.ms is 604800000"),
        ({"cleanup.policy": "compact"}, "cleanup.policy is compact"),
        ({"retention.bytes": "1000000"}, "retention.bytes is 1000000"),
    ],
)
def test_a_topic_that_can_lose_entries_is_refused_with_what_to_change(
    opened: Open, settings: StageSettings, topic: str, config: dict[str, str], sentence: str
) -> None:
    ensure_topics(settings, [topic], partitions=1, config={**CREATED, **config})
    (name,) = config
    with pytest.raises(UnusableJournalError, match=sentence) as refused:
        opened()
    assert f"--entity-name {topic} --add-config {name}={CREATED[name]}" in str(refused.value)


def test_a_topic_with_several_partitions_is_refused(
    opened: Open, settings: StageSettings, topic: str
) -> None:
    ensure_topics(settings, [topic], partitions=4, config=CREATED)
    with pytest.raises(UnusableJournalError, match="has 4 partitions: a journal needs exactly one"):
        opened()


async def test_a_journal_in_the_topic_that_bots_shared_is_carried_over_once(
    opened: Open, settings: StageSettings, topic: str
) -> None:
    shared = f"journal-{uuid4().hex[:8]}"
    ensure_topics(settings, [shared], partitions=4)
    producer = Producer({"bootstrap.servers": settings.kafka})
    for bot, last in (("btc", 6), ("eth", 3)):
        for number in range(1, last):
            document = Document(f"{bot}-{number}", DocType.HALT, number, bot, "BTCUSD", {})
            written = msgspec.structs.replace(
                entry(number), published=max(0, number - 3), documents=(document,)
            )
            producer.produce(shared, encode(written), key=bot)
    producer.flush(10)
    for _start in range(2):
        await migrate(settings, topic, shared, "btc")
        (carried,) = opened().read()
        replay = Replay.of([carried], "btc")
        assert (replay.number, replay.ledger.halted) == (5, "1/5")
        late = [document.id for each in replay.undelivered() for document in each.documents]
        assert late == ["btc-3", "btc-4", "btc-5"]


async def test_a_new_bot_finds_nothing_to_carry_over(
    opened: Open, settings: StageSettings, topic: str
) -> None:
    await migrate(settings, topic, "no-such-topic", "btc")
    assert list(opened().read()) == []


WRITER = """
import asyncio, sys
from test_journal_topic import WHO
from tradebot.platform.settings import StageSettings
from tradebot.trader.journal.entries import Decided, EpochTaken
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.kafka import KafkaJournal


class Nowhere:
    def send(self, documents, number=0): ...
    def delivered(self, last): return last
    async def flush(self): ...

async def main() -> None:
    journal = KafkaJournal(StageSettings(kafka=sys.argv[1]), sys.argv[2], "btc")
    journaled = JournaledLedger(journal, Nowhere(), WHO, lambda: 0, compact_after=7)
    journaled.open()
    await journaled.record(EpochTaken(epoch=journaled.ledger.epoch + 1, mode="Live"))
    while True:
        end = journaled.ledger.window_end + 1
        await journaled.record(Decided(window_end=end, action="hold", gate="", equity=None))
        print(end, flush=True)

asyncio.run(main())
"""


def test_a_writer_that_is_killed_while_it_compacts_loses_nothing_that_it_wrote(
    opened: Open, settings: StageSettings, topic: str
) -> None:
    told = 0
    for turn in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, settings.kafka, topic],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent,
        ) as writer:
            assert writer.stdout is not None
            for _ in range(1 + 5 * turn):
                line = writer.stdout.readline()
                assert int(line) > told
            writer.kill()
            told = max([int(line), *map(int, writer.stdout.read().split()[:-1])])
        journaled = JournaledLedger(opened(), UnsentDocuments(), WHO, lambda: 0)
        journaled.open()
        assert journaled.ledger.window_end >= told
        assert journaled.ledger.epoch == turn + 1
    assert first_offset(settings, topic) > 0
