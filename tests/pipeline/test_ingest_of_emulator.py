"""Emulator → ingest → Kafka: what is on the topic is the exchange's book, level by level."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import TopicPartition
from emulated_venue import START, Time, emulator

from tradebot.domain.book import OrderBook
from tradebot.ingest.publisher import Publisher
from tradebot.ingest.settings import IngestSettings
from tradebot.ingest.stage import Ingest
from tradebot.platform import kafka
from tradebot.platform.embedded import EmbeddedBroker
from tradebot.platform.health import Readiness
from tradebot.records import FeedRecord, TradeRecord, decode
from tradebot.venue.backoff import Backoff
from tradebot.venue.rest import GeminiRest

STEP_MS = 500


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker()
    yield broker
    broker.close()


def settings_for(url: str, interface: Any, address: str, *, mock: bool) -> IngestSettings:
    return IngestSettings(
        kafka=address,
        kafka_embedded=mock,
        topic_prefix=f"{uuid4().hex[:8]}-",
        emulator_url=url,
        interface=interface,
    )


def records(settings: IngestSettings, topic: str, kind: type[Any]) -> list[Any]:
    """All that the topic holds, in order."""
    name = settings.topic_prefix + topic
    consumer = kafka.consumer(settings, uuid4().hex)
    partitions, left = [], 0
    for number in consumer.list_topics(name, timeout=10).topics[name].partitions:
        low, high = consumer.get_watermark_offsets(TopicPartition(name, number), timeout=10)
        left += high - low
        partitions.append(TopicPartition(name, number, low))
    consumer.assign(partitions)
    found: list[Any] = []
    while len(found) < left:
        message = consumer.poll(10)
        assert message is not None and not message.error()
        found.append(decode(message.value(), kind))
    consumer.close()
    return found


def rebuilt(feed: list[FeedRecord]) -> OrderBook:
    """The book that a reader of the topic has."""
    book = OrderBook()
    due = 0
    for record in feed:
        if record.seq == 0:
            book.clear()
            due = 0
        assert record.seq == due
        due += 1
        book.set(record.side, Decimal(record.price), Decimal(record.remaining))
    return book


async def follow(settings: IngestSettings, clock: Time, url: str, steps: int) -> None:
    """Ingest reads while the market makes `steps` steps; a venue restart is none of them."""
    prefix = settings.topic_prefix
    await asyncio.to_thread(
        kafka.ensure_topics, settings, [prefix + "gemini-feed", prefix + "gemini-trades"]
    )
    readiness = Readiness("ingest")
    readiness.started()
    publisher = Publisher(settings)
    ingest = Ingest(settings, publisher, readiness, Backoff(first=0.02, most=0.1))
    task = asyncio.create_task(ingest.run())
    async with asyncio.timeout(30):
        for _ in range(steps):
            clock.now += STEP_MS / 1000
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)
    assert readiness.reasons() == {}
    ingest.stop()
    await task


async def check(interface: str, address: str, *, mock: bool) -> None:
    clock = Time()
    async with emulator(clock) as url, GeminiRest(url) as rest:
        settings = settings_for(url, interface, address, mock=mock)
        await follow(settings, clock, url, steps=40)
        book = await rest.book("BTCUSD", limit=0)
        told = await rest.trades("BTCUSD")
    feed = await asyncio.to_thread(records, settings, "gemini-feed", FeedRecord)
    mirror = rebuilt(feed)
    assert list(mirror.levels("bid")) == [(level.price, level.amount) for level in book.bids]
    assert list(mirror.levels("ask")) == [(level.price, level.amount) for level in book.asks]
    assert {record.reason for record in feed} == {"initial", "place", "cancel", "trade"}
    times = [record.ts for record in feed]
    assert times == sorted(times)
    assert times[0] > START and times[-1] <= START + clock.now * 1000
    trades = await asyncio.to_thread(records, settings, "gemini-trades", TradeRecord)
    venue = {trade.tid: trade for trade in told}
    assert trades
    for trade in trades:
        theirs = venue[trade.tid]
        assert (Decimal(trade.price), Decimal(trade.amount)) == (theirs.price, theirs.amount)
        assert trade.maker_side == ("ask" if theirs.type == "buy" else "bid")


@pytest.mark.parametrize("interface", ["new", "v1", "v2"])
async def test_the_topic_holds_the_exchanges_book_level_by_level(
    interface: str, embedded: EmbeddedBroker
) -> None:
    await check(interface, embedded.address, mock=True)


@pytest.mark.kafka
async def test_the_topic_holds_the_exchanges_book_on_a_real_broker(kafka_address: str) -> None:
    await check("new", kafka_address, mock=False)
