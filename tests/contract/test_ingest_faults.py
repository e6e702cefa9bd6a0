"""Ingest on a real socket and a real broker, through faults of venues and brokers."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from line.topics import rebuilt, records
from venues.scripted import Script, free_port, sends, sockets_that
from waiting.conditions import PATIENCE_SECONDS, until_async
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from tradebot.ingest.publisher import OverloadError, Publisher
from tradebot.ingest.settings import IngestSettings
from tradebot.ingest.stage import Ingest
from tradebot.platform import kafka
from tradebot.platform.clock import VenueClock
from tradebot.platform.embedded import EmbeddedBroker
from tradebot.platform.health import Readiness
from tradebot.platform.settings import SettingsError, load
from tradebot.records import FeedRecord, TradeRecord
from tradebot.venue.backoff import Backoff
from tradebot.venue.port import open_venue

NS = 1_751_508_260_000_000_000
ACK = {"id": "feed", "status": 200, "result": None}


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    embedded = EmbeddedBroker()
    yield embedded
    embedded.close()


def book(last: int, *bids: list[str]) -> dict[str, Any]:
    """A whole book with one ask at 101."""
    content = {"e": "depthUpdate", "E": NS, "s": "btcusd", "U": last, "u": last}
    return content | {"b": list(bids) or [["100.00", "1"]], "a": [["101.00", "2"]]}


def update(number: int, size: str) -> dict[str, Any]:
    """Sets the size of the bid at 100."""
    content = {"e": "depthUpdate", "E": NS + number * 10**6, "s": "btcusd"}
    return content | {"U": number, "u": number, "b": [["100.00", size]], "a": []}


def trade(tid: int) -> dict[str, Any]:
    return {"E": NS, "s": "btcusd", "t": tid, "p": "101.00", "q": "1", "m": False}


def settings(broker: EmbeddedBroker, url: str, **more: Any) -> IngestSettings:
    return IngestSettings(
        kafka=broker.address,
        kafka_embedded=True,
        topic_prefix=f"{uuid4().hex[:8]}-",
        emulator_url=url,
        **more,
    )


class Running:
    """A running stage, and what it wrote."""

    def __init__(self, chosen: IngestSettings) -> None:
        self.settings = chosen
        self.readiness = Readiness("ingest")
        self.readiness.started()
        self.publisher = Publisher(chosen)
        quick = Backoff(first=0.02, most=0.1)
        self.ingest = Ingest(chosen, self.publisher, self.readiness, quick)

    def read(self, topic: str, kind: type[Any]) -> list[Any]:
        """All records of the topic so far, in order."""
        self.publisher.flush(5)
        return records(self.settings, topic, kind)

    async def feed(self, count: int, connections: int = 1) -> list[FeedRecord]:
        """Returns all feed records, once there are that many, of that many connections."""

        async def enough() -> list[FeedRecord]:
            told = await asyncio.to_thread(self.read, "gemini-feed", FeedRecord)
            return told if len(told) >= count and rebuilt(told)[1] >= connections else []

        return await until_async(enough, told=self.trouble)

    async def until(self, condition: Callable[[], Any]) -> None:
        await until_async(condition, told=self.trouble)

    def trouble(self) -> str:
        return "; ".join(self.readiness.reasons().values())


@asynccontextmanager
async def running(chosen: IngestSettings) -> AsyncIterator[Running]:
    prefix = chosen.topic_prefix
    await asyncio.to_thread(
        kafka.ensure_topics, chosen, [prefix + "gemini-feed", prefix + "gemini-trades"]
    )
    stage = Running(chosen)
    task = asyncio.create_task(stage.ingest.run())
    try:
        yield stage
    finally:
        stage.ingest.stop()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await task


def counted(script: Script) -> tuple[Script, list[int]]:
    """Returns the script, and a count of its runs."""
    plays: list[int] = []

    async def play(connection: ServerConnection) -> None:
        plays.append(len(plays))
        await script(connection)

    return play, plays


def sizes(told: list[FeedRecord]) -> list[tuple[int, str, str]]:
    return [(record.seq, record.reason, record.remaining) for record in told]


BEGIN = [(0, "initial", "1"), (1, "initial", "2")]


async def test_book_changes_and_trades_reach_their_topics_as_the_venue_wrote_them(
    broker: EmbeddedBroker,
) -> None:
    script = sends(ACK, book(7), update(8, "3"), trade(5), update(9, "0"))
    async with sockets_that(script) as url, running(settings(broker, url)) as stage:
        await stage.until(lambda: stage.readiness.reasons() == {})
        told = await stage.feed(4)
        await stage.until(lambda: stage.read("gemini-trades", TradeRecord))
        (trade_told,) = await asyncio.to_thread(stage.read, "gemini-trades", TradeRecord)
    assert sizes(told) == [*BEGIN, (2, "place", "3"), (3, "cancel", "0")]
    assert [record.price for record in told] == ["100.00", "101.00", "100.00", "100.00"]
    assert told[0].ts == NS // 10**6 and told[3].ts == NS // 10**6 + 9
    assert trade_told == TradeRecord("BTCUSD", 5, "101.00", "1", "ask", NS // 10**6)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ([update(10, "3")], "gap: missing updates 9 to 9"),
        ([update(10, "3"), update(9, "4")], "gap"),
        (['{"e":"depthUpdate","E":17515'], "malformed"),
    ],
    ids=["a message lost", "two messages swapped", "a message cut short"],
)
async def test_a_feed_that_cannot_be_trusted_starts_over_with_a_whole_book(
    broker: EmbeddedBroker, fault: list[Any], cause: str
) -> None:
    faulty = sends(ACK, book(7), update(8, "2"), *fault)
    healthy, plays = counted(sends(ACK, book(70), update(71, "5")))
    async with sockets_that(faulty, healthy) as url, running(settings(broker, url)) as stage:
        await stage.until(lambda: plays)
        await stage.until(lambda: stage.readiness.reasons() == {})
        told = await stage.feed(6)
    assert sizes(told) == [*BEGIN, (2, "place", "2"), *BEGIN, (2, "place", "5")]
    assert cause in str(stage.ingest._broken)


async def test_a_message_sent_twice_is_one_change(broker: EmbeddedBroker) -> None:
    script = sends(ACK, book(7), update(8, "3"), update(8, "3"), update(9, "4"))
    async with sockets_that(script) as url, running(settings(broker, url)) as stage:
        await stage.until(lambda: stage.readiness.reasons() == {})
        told = await stage.feed(4)
    assert sizes(told) == [*BEGIN, (2, "place", "3"), (3, "place", "4")]


async def test_trades_missed_while_disconnected_are_requested_until_the_venue_sends_them(
    broker: EmbeddedBroker,
) -> None:
    asked: list[str] = []
    missed = [
        {"tid": tid, "timestampms": 5, "price": "101.00", "amount": "1", "type": "buy"}
        for tid in (9, 8, 7)
    ]

    def rest(connection: ServerConnection, request: Request) -> Response | None:
        if not request.path.startswith("/v1/trades"):
            return None
        asked.append(request.path)
        if len(asked) == 1:
            return connection.respond(503, "later")
        return connection.respond(200, json.dumps(missed))

    scripts = [sends(ACK, book(1), trade(6), then="close"), sends(ACK, book(1), trade(9))]
    async with (
        sockets_that(*scripts, answer=rest) as url,
        running(settings(broker, url)) as stage,
    ):
        await stage.until(lambda: len(asked) == 2)
        await stage.until(lambda: len(stage.read("gemini-trades", TradeRecord)) == 4)
        told = [record.tid for record in stage.read("gemini-trades", TradeRecord)]
    assert told == [6, 9, 7, 8]
    assert all("since_tid=6" in path for path in asked)


async def test_a_silent_feed_makes_the_stage_unready_with_the_reason_and_reconnects(
    broker: EmbeddedBroker,
) -> None:
    script, plays = counted(sends(ACK, book(7)))
    async with (
        sockets_that(script) as url,
        running(settings(broker, url, stall_seconds=0.4)) as stage,
    ):
        await stage.until(lambda: stage.readiness.reasons() == {})
        await stage.until(lambda: "nothing for 0" in stage.trouble())
        await stage.until(lambda: len(plays) > 1)
        await stage.until(lambda: stage.readiness.reasons() == {})


async def test_heartbeats_alone_do_not_pass_for_a_feed(broker: EmbeddedBroker) -> None:
    levels = [
        {"type": "change", "side": "bid", "price": "1", "remaining": "1", "reason": "initial"}
    ]

    async def beats(connection: ServerConnection) -> None:
        first = {"type": "update", "timestampms": 1547759964051, "socket_sequence": 0}
        await connection.send(json.dumps(first | {"events": levels}))
        for number in range(1, 1000):
            await connection.send(json.dumps({"type": "heartbeat", "socket_sequence": number}))
            await asyncio.sleep(0.05)

    script, plays = counted(beats)
    async with (
        sockets_that(script) as url,
        running(settings(broker, url, interface="v1", quiet_seconds=0.4)) as stage,
    ):
        await stage.until(lambda: stage.readiness.reasons() == {})
        await stage.until(lambda: "no book change for 0.4 s" in stage.trouble())
        await stage.until(lambda: len(plays) > 1)


async def test_a_venue_that_is_away_is_waited_for_and_never_ends_the_stage(
    broker: EmbeddedBroker,
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with running(settings(broker, url)) as stage:
        await stage.until(lambda: "cannot connect" in stage.trouble())
        assert "no feed for 0 s" in stage.trouble()


async def test_a_venue_that_refuses_says_why_in_the_reason(broker: EmbeddedBroker) -> None:
    refusal = {"id": "feed", "status": 400, "error": {"code": -1121, "msg": "Invalid symbol"}}
    async with sockets_that(sends(refusal)) as url, running(settings(broker, url)) as stage:
        await stage.until(lambda: "rejected with 400: -1121 Invalid symbol" in stage.trouble())


async def test_the_first_interface_is_read_to_the_same_records(broker: EmbeddedBroker) -> None:
    def change(side: str, price: str, remaining: str, reason: str) -> dict[str, Any]:
        return {
            "type": "change",
            "side": side,
            "price": price,
            "remaining": remaining,
            "reason": reason,
        }

    initial = [
        change("bid", "100.00", "1", "initial"),
        change("ask", "101.00", "2", "initial"),
    ]
    script = sends(
        {"type": "update", "eventId": 1, "socket_sequence": 0, "events": initial},
        {"type": "heartbeat", "socket_sequence": 1},
        {
            "type": "update",
            "eventId": 2,
            "timestampms": 1547759964051,
            "socket_sequence": 2,
            "events": [change("bid", "100.00", "3", "place")],
        },
        {"type": "heartbeat", "timestampms": 1547759964051, "socket_sequence": 3},
        hello=False,
    )
    async with (
        sockets_that(script) as url,
        running(settings(broker, url, interface="v1")) as stage,
    ):
        await stage.until(lambda: stage.readiness.reasons() == {})
        told = await stage.feed(3)
    assert sizes(told) == [*BEGIN, (2, "place", "3")]
    assert {record.ts for record in told} == {1547759964051}


async def test_more_than_kafka_takes_drops_the_connection_and_says_so(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker accepts nothing for a while: the queue fills, and the feed reconnects after it."""
    flood = [update(number, str(number)) for number in range(8, 400)]
    script, plays = counted(sends(ACK, book(7), *flood))
    async with sockets_that(script) as url:
        chosen = settings(broker, url, queue_records=100)
        await asyncio.to_thread(kafka.wait_for_broker, chosen)
        slow = {"linger.ms": 800, "batch.num.messages": 100_000}
        original = kafka.producer
        monkeypatch.setattr(
            kafka, "producer", lambda given, **more: original(given, **(more | slow))
        )
        async with running(chosen) as stage:
            await stage.until(lambda: "100 records are waiting for Kafka" in stage.trouble())
            await stage.until(lambda: len(plays) > 1)
            await stage.feed(4, connections=2)


def test_a_full_queue_is_an_overload_and_not_a_wait(broker: EmbeddedBroker) -> None:
    publisher = Publisher(
        IngestSettings(kafka=f"127.0.0.1:{free_port()}", kafka_embedded=True, queue_records=100)
    )
    publisher.feed([b"{}"] * 100)
    assert not publisher.has_room()
    with pytest.raises(OverloadError, match="100 records are waiting for Kafka"):
        publisher.feed([b"{}"])


def test_settings_that_make_no_sense_are_refused() -> None:
    unknown = load(IngestSettings, flags={"interface": "v3"}, environment={})
    clock = VenueClock(1.0)
    with pytest.raises(SettingsError, match="interface is 'v3': for gemini, use one of new, v1"):
        open_venue(unknown).market.stream("BTCUSD", clock, interface="v3", stall_seconds=1.0)
    with pytest.raises(SettingsError, match="TRADEBOT_STALL_SECONDS is '0'"):
        load(IngestSettings, environment={"TRADEBOT_STALL_SECONDS": "0"})


async def test_a_first_frame_from_the_future_is_not_published(broker: EmbeddedBroker) -> None:
    ahead = book(7) | {"E": NS + 365 * 86_400 * 10**9}
    poisoned = sends(ACK, ahead, update(8, "3"))
    healthy, plays = counted(sends(ACK, book(70), update(71, "5")))
    async with sockets_that(poisoned, healthy) as url, running(settings(broker, url)) as stage:
        await stage.until(lambda: plays)
        await stage.until(lambda: stage.readiness.reasons() == {})
        told = await stage.feed(3)
    assert sizes(told) == [*BEGIN, (2, "place", "5")]
    assert {record.ts // 1000 for record in told} == {NS // 10**9}
    assert "malformed: its first two times are" in str(stage.ingest._broken)
