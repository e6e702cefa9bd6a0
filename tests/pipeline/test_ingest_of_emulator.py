"""Emulator → ingest → Kafka: the topic has the exchange's book, level by level."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from line.topics import rebuilt, records
from venues.emulated import START, Time, emulator
from waiting.conditions import until_async

from tradebot.domain.book import OrderBook
from tradebot.ingest.publisher import Publisher
from tradebot.ingest.settings import IngestSettings
from tradebot.ingest.stage import Ingest
from tradebot.platform import kafka
from tradebot.platform.embedded import EmbeddedBroker
from tradebot.platform.health import Readiness
from tradebot.records import FeedRecord, TradeRecord
from tradebot.venue.backoff import Backoff
from tradebot.venue.gemini.rest import GeminiRest
from tradebot.venue.port import Book

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


@asynccontextmanager
async def reading(settings: IngestSettings) -> AsyncIterator[Readiness]:
    """Runs ingest inside the block, and then flushes it."""
    prefix = settings.topic_prefix
    await asyncio.to_thread(
        kafka.ensure_topics, settings, [prefix + "gemini-feed", prefix + "gemini-trades"]
    )
    readiness = Readiness("ingest")
    readiness.started()
    ingest = Ingest(settings, Publisher(settings), readiness, Backoff(first=0.02, most=0.1))
    task = asyncio.create_task(ingest.run())
    yield readiness
    ingest.stop()
    await task


async def read_trades(settings: IngestSettings) -> list[TradeRecord]:
    """The trades on the topic."""
    return await asyncio.to_thread(records, settings, "gemini-trades", TradeRecord)


async def moves(clock: Time, steps: int) -> None:
    """Moves the market by `steps` steps of half a second, each in a twentieth."""
    for _ in range(steps):
        clock.now += STEP_MS / 1000
        await asyncio.sleep(0.05)


async def mirrored(settings: IngestSettings, rest: GeminiRest) -> Book:
    """Returns the venue's book once a reader of the topic has the same; the market stands still."""
    book = await rest.book("BTCUSD", limit=0)

    async def are_the_same() -> bool:
        feed = await asyncio.to_thread(records, settings, "gemini-feed", FeedRecord)
        return same(rebuilt(feed)[0], book)

    await until_async(are_the_same, pause=0.2)
    return book


def same(mirror: OrderBook, book: Book) -> bool:
    """Whether a reader of the topic has the venue's book, level by level."""
    return list(mirror.levels("bid")) == [(each.price, each.amount) for each in book.bids] and list(
        mirror.levels("ask")
    ) == [(each.price, each.amount) for each in book.asks]


async def check(interface: str, address: str, *, mock: bool) -> None:
    clock = Time()
    async with emulator(clock) as url, GeminiRest(url) as rest:
        chosen = settings_for(url, interface, address, mock=mock)
        # The market stands still while the topic is read, which is not a stall.
        settings = msgspec.structs.replace(chosen, stall_seconds=600, quiet_seconds=600)
        async with reading(settings) as readiness:
            await moves(clock, 40)
            book = await mirrored(settings, rest)
            assert readiness.reasons() == {}
            told = await rest.trades("BTCUSD")
    feed = await asyncio.to_thread(records, settings, "gemini-feed", FeedRecord)
    mirror, connections = rebuilt(feed)
    assert connections == 1
    assert same(mirror, book)
    assert {record.reason for record in feed} == {"initial", "place", "cancel", "trade"}
    times = [record.ts for record in feed]
    assert times == sorted(times)
    assert times[0] > START and times[-1] <= START + clock.now * 1000
    trades = await read_trades(settings)
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


CHAOS = {
    "seed": 7,
    "faults": [
        {"kind": "drop", "where": "sockets", "probability": 0.01},
        {"kind": "gap", "where": "sockets", "probability": 0.005},
        {"kind": "duplicate", "where": "sockets", "probability": 0.02},
        {"kind": "reorder", "where": "sockets", "probability": 0.01},
        {"kind": "truncate", "where": "sockets", "probability": 0.005},
        {"kind": "delay", "where": "sockets", "probability": 0.01, "seconds": 0.1},
        {"kind": "disconnect", "after": 1.5},
        {"kind": "silence", "after": 3.0, "seconds": 1.0},
    ],
}


@pytest.mark.parametrize("interface", ["new", "v1"])
async def test_after_all_that_sockets_do_the_topic_holds_the_exchanges_book(
    interface: str, embedded: EmbeddedBroker
) -> None:
    clock = Time()
    async with emulator(clock) as url, GeminiRest(url) as rest, httpx.AsyncClient() as control:
        chosen = settings_for(url, interface, embedded.address, mock=True)
        settings = msgspec.structs.replace(chosen, stall_seconds=0.6)
        async with reading(settings) as readiness:
            armed = await control.post(f"{url}/emulator/faults", json=CHAOS)
            assert armed.status_code == 200, armed.text
            struck: set[str] = set()
            while not struck > {"disconnect", "silence"}:
                await moves(clock, 40)
                log = (await control.get(f"{url}/emulator/faults/log")).json()
                struck = {each["kind"] for each in log}
            await control.delete(f"{url}/emulator/faults")
            await moves(clock, 20)
            await until_async(lambda: readiness.reasons() == {}, told=readiness.reasons)
            book = await mirrored(settings, rest)
            venue = {trade.tid for trade in await rest.trades("BTCUSD")}
    feed = await asyncio.to_thread(records, settings, "gemini-feed", FeedRecord)
    mirror, connections = rebuilt(feed)
    assert connections > 2
    assert same(mirror, book)
    told = [trade.tid for trade in await read_trades(settings)]
    assert len(told) == len(set(told))
    if interface == "v1":
        # The other interface has no number that would show the loss of a single trade.
        assert set(told) == {tid for tid in venue if min(told) <= tid <= max(told)}
