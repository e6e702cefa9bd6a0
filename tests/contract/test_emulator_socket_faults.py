"""Each fault of sockets has the effect that its name says."""

import asyncio
import json
from itertools import pairwise

import pytest
import websockets
from venues.emulated import skip
from venues.raw_gemini import RawGemini, receive
from waiting.conditions import until, until_async

from tradebot.emulator.embedded import EmbeddedEmulator

V1 = "/v1/marketdata/btcusd?heartbeat=true"


async def sequences(venue: RawGemini, count: int) -> list[int]:
    async with venue.connect(V1) as socket:
        return [each["socket_sequence"] for each in await receive(socket, count)]


async def test_messages_are_lost_and_leave_a_gap(venue: RawGemini) -> None:
    venue.fault(kind="gap", where="v1", messages=3, after=0.3, count=1)
    got = await sequences(venue, 200)
    steps = [later - earlier for earlier, later in pairwise(got)]
    assert sorted(set(steps)) == [1, 4]
    assert steps.count(4) == 1


async def test_messages_come_twice(venue: RawGemini) -> None:
    venue.fault(kind="duplicate", where="v1", after=0.2, count=1)
    got = await sequences(venue, 200)
    assert len(got) - len(set(got)) == 1


async def test_messages_overtake_each_other(venue: RawGemini) -> None:
    venue.fault(kind="reorder", where="v1", after=0.2, count=1)
    got = await sequences(venue, 200)
    assert got != sorted(got)
    assert sorted(got) == list(range(200))


async def test_a_message_is_cut_in_two(venue: RawGemini) -> None:
    venue.fault(kind="truncate", where="v1", after=0.2, count=1)
    async with venue.connect(V1) as socket:
        broken = 0
        for _ in range(200):
            try:
                json.loads(await socket.recv())
            except json.JSONDecodeError:
                broken += 1
    assert broken == 1


async def test_what_a_client_sends_on_a_socket_is_lost_or_late(
    emulator: EmbeddedEmulator, venue: RawGemini
) -> None:
    async with venue.connect("/ws") as socket:
        venue.fault(kind="drop", where="ws", part="request", count=1)
        venue.fault(kind="delay", where="ws", part="request", seconds=600, count=1)
        for number in (1, 2, 3):
            await socket.send(json.dumps({"id": number, "method": "ping"}))
        await until_async(lambda: venue.strikes()[-2:] == ["drop", "delay"])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.5)
        skip(emulator, 600)
        answers = await receive(socket, 2)
    assert [answer["id"] for answer in answers] == [2, 3]


async def test_only_messages_that_match_are_struck(venue: RawGemini) -> None:
    venue.fault(kind="drop", where="v1", match='"type":"trade"')
    async with venue.connect(V1) as socket:
        messages = await receive(socket, 300)
    reasons = {event["type"] for each in messages for event in each.get("events", [])}
    assert reasons == {"change"}


async def test_a_feed_falls_silent_and_comes_back(
    emulator: EmbeddedEmulator, venue: RawGemini
) -> None:
    async with venue.connect(V1) as socket:
        await receive(socket, 5)
        venue.fault(kind="silence", where="v1", seconds=600)
        await until_async(lambda: venue.strikes()[-1:] == ["silence"])
        with pytest.raises(TimeoutError):
            while True:  # what was sent before, and then nothing
                await asyncio.wait_for(socket.recv(), 1)
        skip(emulator, 600)
        await receive(socket, 5)


async def test_the_book_freezes_while_heartbeats_continue(
    emulator: EmbeddedEmulator, venue: RawGemini
) -> None:
    async with venue.connect(V1) as socket:
        messages = await receive(socket, 5)
        venue.fault(kind="stale-book", seconds=600)
        until(lambda: venue.strikes()[-1] == "stale-book")
        books = []
        for _ in range(3):
            book = venue.get("/v1/book/btcusd?limit_bids=0&limit_asks=0")
            books.append([(each["price"], each["amount"]) for each in book["bids"]])
            seen = emulator.exchange.clock.market()
            await until_async(lambda at=seen: emulator.exchange.clock.market() > at + 2000)
        assert books[0] == books[1] == books[2]
        skip(emulator, 600)
        messages += await receive(socket, 300)
    got = [each["socket_sequence"] for each in messages]
    assert got == list(range(len(got)))


async def test_sockets_break_and_close(venue: RawGemini) -> None:
    for clean in (True, False):
        async with venue.connect(V1) as socket:
            await receive(socket, 1)
            venue.fault(kind="disconnect", where="v1", clean=clean)
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await receive(socket, 10_000)
        assert (closed.value.rcvd is not None) == clean


async def test_sockets_are_refused_in_maintenance(
    emulator: EmbeddedEmulator, venue: RawGemini
) -> None:
    venue.fault(kind="maintenance", seconds=600)
    until(lambda: venue.http.get("/v1/symbols").status_code == 503)
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with venue.connect(V1):
            pass
    assert refused.value.response.status_code == 503
    skip(emulator, 600)
    assert venue.http.get("/v1/symbols").status_code == 200
