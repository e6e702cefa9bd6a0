"""A partition's task: fetches that are missing, stale, or cannot be written."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from faust.types import TP
from prometheus_client import REGISTRY
from waiting.conditions import until_async
from waiting.virtual_time import VirtualTime

from tradebot.domain.checkpoint import Checkpoint
from tradebot.domain.symbol_windows import WindowRules
from tradebot.liquidity import partition as module
from tradebot.liquidity.owner import Owner
from tradebot.liquidity.partition import FeedPartition
from tradebot.liquidity.results import Place
from tradebot.liquidity.settings import LiquiditySettings
from tradebot.liquidity.transport import FeedConsumer, Fetch, FetchScheduler
from tradebot.platform.exactly_once import GroupOffsets, Message
from tradebot.platform.topics import Topics
from tradebot.records import DeadLetter, FeedRecord, LiquidityRecord, decode, encode

TP0 = TP("gemini-feed", 0)
START = 1_609_459_200_000


class Stored:
    """A record as the consumer returns it."""

    key = b"BTCUSD"

    def __init__(self, offset: int, value: bytes, at: int | None = None) -> None:
        self.offset = offset
        self.value = value
        self.timestamp = START + offset * 10_000 if at is None else at


def record(offset: int) -> Stored:
    """Returns a record of a feed with one every ten seconds, its seq the offset."""
    at = START + offset * 10_000
    return Stored(offset, encode(FeedRecord("bid", "1", "1", "BTCUSD", at, "place", offset)))


class Broker:
    """The partition's surroundings: an output, offsets, and a consumer that seeks."""

    def __init__(self, end: int) -> None:
        self.end = end
        self.place: Checkpoint | None = None
        self.written: list[Message] = []
        self.seeks: list[int] = []
        self.failures = 0

    async def open(self) -> Checkpoint | None:
        return self.place

    async def write(self, messages: Sequence[Message], checkpoint: Checkpoint) -> None:
        if self.failures:
            self.failures -= 1
            await asyncio.sleep(0.02)
            raise TimeoutError("the broker is away")
        self.written += messages
        self.place = checkpoint

    def bounds(self, _topic: str, _partition: int) -> tuple[int, int]:
        return 0, self.end

    async def seek(self, _tp: TP, offset: int) -> None:
        self.seeks.append(offset)

    def windows(self) -> list[tuple[int, int]]:
        """Returns number and events of each window written."""
        records = [
            decode(message.value, LiquidityRecord)
            for message in self.written
            if message.topic != "dead-letters"
        ]
        return [
            ((one.window_start - START) // 60_000, one.events)
            for one in records
            if one.type == "price_volume"
        ]


def fetch(first: int, last: int) -> Fetch:
    return fetched([record(offset) for offset in range(first, last)])


def fetched(records: list[Stored]) -> Fetch:
    FetchScheduler.serial += 1
    return Fetch(TP0, FetchScheduler.serial, cast(list[Any], records))


@asynccontextmanager
async def running(broker: Broker) -> AsyncIterator[FeedPartition]:
    place = Place(Topics(), 0, WindowRules(), 1.0)
    made = FeedPartition(TP0, place, broker, cast(GroupOffsets, broker), broker.seek)
    task = asyncio.create_task(made.run())
    await until_async(lambda: made.trouble is None)
    yield made
    task.cancel()


@pytest.fixture(autouse=True)
def no_wait_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)


WHOLE = [(0, 6), (1, 6), (2, 6), (3, 6)]


async def test_records_that_were_missed_are_read_again_from_where_they_began() -> None:
    broker = Broker(end=30)
    async with running(broker) as partition:
        partition.take(fetch(0, 8))
        partition.take(fetch(12, 20))
        partition.take(fetch(20, 30))
        await until_async(lambda: broker.seeks == [0, 8])
        partition.take(fetch(8, 30))
        await until_async(lambda: broker.windows() == WHOLE)


async def test_a_hole_that_is_there_again_is_the_logs_own() -> None:
    broker = Broker(end=30)
    async with running(broker) as partition:
        partition.take(fetch(0, 8))
        partition.take(fetch(9, 30))
        await until_async(lambda: broker.seeks == [0, 8])
        partition.take(fetch(9, 30))
        await until_async(lambda: broker.windows() == [(0, 6), (1, 5), (2, 6), (3, 6)])


async def test_a_fetch_from_before_a_seek_and_records_fed_already_do_not_count() -> None:
    broker = Broker(end=30)
    stale = fetch(5, 30)
    async with running(broker) as partition:
        partition.take(stale)
        partition.take(fetch(0, 20))
        partition.take(fetch(5, 30))
        partition.take(fetch(0, 30))
        await until_async(lambda: broker.windows() == WHOLE)
    assert broker.seeks == [0]


async def test_what_could_not_be_written_is_made_again_from_the_committed_place() -> None:
    broker = Broker(end=30)
    async with running(broker) as partition:
        partition.take(fetch(0, 9))
        await until_async(lambda: len(broker.windows()) == 1)
        broker.failures = 1
        partition.take(fetch(9, 20))
        await until_async(lambda: broker.failures == 0)
        partition.take(fetch(20, 30))
        await until_async(lambda: len(broker.seeks) == 2)
        assert broker.seeks[1] == 6
        partition.take(fetch(6, 30))
        await until_async(lambda: broker.windows() == WHOLE)


async def test_a_symbol_whose_records_do_not_count_is_reported_though_another_is_well(
    virtual_time: VirtualTime,
) -> None:
    virtual_time.rule(module)
    broker = Broker(end=100)
    async with running(broker) as partition:
        owner = Owner(LiquiditySettings())
        owner.partitions[TP0] = partition
        partition.take(fetch(0, 30))
        assert owner._late() is None
        other = iter(range(100))

        def turn(first: int, value: bytes) -> None:
            """Feeds one record of BTCUSD and one good one of ETHUSD."""
            number = next(other)
            at = START + 300_000 + number * 1000
            well = encode(FeedRecord("bid", "1", "1", "ETHUSD", at, "place", number))
            partition.take(fetched([Stored(first, value), eth(first + 1, well, at)]))

        for stale in range(15):  # a venue whose clock is five minutes late
            turn(30 + 2 * stale, record(stale).value)
        assert owner._late() is None, "some late records are nothing to tell"
        virtual_time.now += module.LATE_SECONDS + 1
        assert (owner._late() or "").startswith("every record of BTCUSD in gemini-feed-0 is older")
        turn(60, record(60).value)
        assert owner._late() is None, "its time has caught up"


def eth(offset: int, value: bytes, at: int) -> Stored:
    made = Stored(offset, value, at)
    made.key = b"ETHUSD"
    return made


async def test_a_record_from_the_future_becomes_a_dead_letter_with_its_value() -> None:
    broker = Broker(end=30)
    far = encode(FeedRecord("bid", "1", "1", "BTCUSD", 4_070_908_800_000, "place", 8))
    async with running(broker) as partition:
        partition.take(fetch(0, 8))
        partition.take(fetched([Stored(8, far)]))
        assert broker.windows() == [], "nothing is decided yet"
        partition.take(fetched([Stored(n, record(n - 1).value) for n in range(9, 31)]))
        await until_async(lambda: len(broker.windows()) == 4)
        (letter,) = [m for m in broker.written if m.topic == "dead-letters"]
        found = decode(letter.value, DeadLetter)
        assert (found.offset, found.value) == (8, far.decode())
        assert "ahead of its symbol's clock" in found.error


async def test_a_checkpoint_of_other_windows_keeps_it_unready_with_the_reason() -> None:
    broker = Broker(end=30)
    broker.place = Checkpoint(0, "1 30000 0")
    place = Place(Topics(), 0, WindowRules(), 1.0)
    made = FeedPartition(TP0, place, broker, cast(GroupOffsets, broker), broker.seek)
    task = asyncio.create_task(made.run())
    await until_async(lambda: "not from windows of 60000 ms" in (made.trouble or ""))
    task.cancel()


async def test_the_clock_closes_windows_only_where_the_log_is_read_to_its_end() -> None:
    broker = Broker(end=4)
    async with running(broker) as partition:
        partition.take(fetch(0, 3))
        for clock in partition._clocks.values():
            clock.follow(START + 60_000 + 11_000)
        await partition.tick()
        assert broker.windows() == []
        partition.take(fetch(3, 4))
        for clock in partition._clocks.values():
            clock.follow(START + 60_000 + 11_000)
        await partition.tick()
        await until_async(lambda: broker.windows() == [(0, 4)])


async def test_the_lag_is_still_reported_while_a_partition_cannot_be_taken_over() -> None:
    class Consumer:
        def highwater(self, _tp: TP) -> int:
            return 100

    async def refuse() -> Checkpoint | None:
        await asyncio.sleep(0.001)
        raise TimeoutError("the broker is away")

    broker = Broker(end=30)
    owner = Owner(LiquiditySettings())
    async with running(broker) as partition:
        owner.partitions[TP0] = partition
        partition.take(fetch(0, 4))
        broker.failures, broker.open = 1, refuse  # type: ignore[method-assign]
        partition.take(fetch(4, 9))
        await until_async(lambda: partition.windows is None)
        await owner.tick(cast(FeedConsumer, Consumer()))
    labels = {"partition": "0"}
    assert REGISTRY.get_sample_value("tradebot_liquidity_lag_records", labels) == 91
