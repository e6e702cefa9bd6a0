"""How the liquidity stage watches its client: it continues, waits for the broker, or ends."""

import asyncio
from typing import NoReturn, cast

import pytest
from confluent_kafka import KafkaException
from waiting.virtual_time import VirtualTime

from tradebot.liquidity import membership as module
from tradebot.liquidity.membership import Membership
from tradebot.liquidity.settings import LiquiditySettings
from tradebot.liquidity.transport import CoordinatorEndedError, FeedConsumer
from tradebot.platform.groups import GroupView


class EndedError(BaseException):
    """Ends the process here."""


class Client:
    """A consumer that holds errors back, and a group as its broker reports it."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.asked = 0
        self.alive = True
        self.members: dict[str, str] | None = {}

    async def held_back(self) -> Exception | None:
        self.asked += 1
        error = self.errors.pop(0) if self.errors else None
        if isinstance(error, CoordinatorEndedError):
            raise error
        return error

    def holder(self, instance: str) -> str | None:
        if self.members is None:
            raise KafkaException("no answer")
        return self.members.get(instance)

    def responds(self) -> bool:
        return self.alive


class Watched:
    """A membership that watches a client, until it ends the process."""

    def __init__(self, client: Client, worker: str = "w1") -> None:
        self.said = ""
        settings = LiquiditySettings(worker_id=worker, session_seconds=6)
        self.membership = Membership(settings, cast(GroupView, client), self._end)
        self._client = cast(FeedConsumer, client)

    def _end(self, reason: str) -> NoReturn:
        self.said = reason
        raise EndedError

    async def watch(self, seconds: float) -> str:
        """Returns the message at its end; "" if it ran that long."""
        try:
            async with asyncio.timeout(seconds):
                await self.membership.watch(lambda: self._client)
        except (EndedError, TimeoutError):
            pass
        return self.said


@pytest.fixture(autouse=True)
def clock(virtual_time: VirtualTime) -> None:
    virtual_time.rule(module)


async def test_an_error_that_the_client_held_back_is_read_and_the_join_continues() -> None:
    client = Client()
    client.errors = [Exception("fenced")] * 3
    watched = Watched(client)
    watched.membership.joined("w1-mine")
    client.members = {"w1": "w1-mine"}
    assert await watched.watch(10) == ""
    assert client.errors == [] and client.asked > 3
    assert watched.membership.fatal_fault() is None


async def test_a_coordinator_that_ended_ends_the_process_and_its_life() -> None:
    client = Client()
    client.errors = [CoordinatorEndedError("AssertionError()")]
    watched = Watched(client)
    assert await watched.watch(100) == "the Kafka client's coordinator stopped: AssertionError()"
    assert watched.membership.fatal_fault() == watched.said


async def test_a_worker_that_is_not_let_in_ends_if_the_broker_answers() -> None:
    watched = Watched(Client())
    assert "has assigned this worker no partitions" in await watched.watch(100)


async def test_a_broker_that_is_away_is_waited_for_and_the_time_begins_when_it_is_back() -> None:
    client = Client()
    client.alive = False
    watched = Watched(client)
    assert await watched.watch(100) == ""
    assert watched.membership.fatal_fault() is None, "a restart would not bring the broker back"
    client.alive = True
    assert "has assigned this worker no partitions" in await watched.watch(100)


async def test_a_worker_that_has_its_partitions_is_left_alone() -> None:
    watched = Watched(Client())
    watched.membership.joined("w1-mine")
    assert await watched.watch(100) == ""


@pytest.mark.parametrize(
    ("members", "ends"),
    [({"w1": "w1-other"}, True), ({"w1": "w1-mine"}, False), ({}, False), (None, False)],
)
async def test_at_a_rebalance_only_the_successor_under_its_own_name_ends_a_worker(
    members: dict[str, str] | None, ends: bool
) -> None:
    client = Client()
    client.members = members
    watched = Watched(client)
    watched.membership.joined("w1-mine")
    try:
        await watched.membership.left()
    except EndedError:
        assert "another process joined the group as worker 'w1'" in watched.said
    assert bool(watched.said) is ends


async def test_a_worker_without_a_name_has_no_successor() -> None:
    client = Client()
    client.members = {"": "other"}
    watched = Watched(client, worker="")
    watched.membership.joined("mine")
    await watched.membership.left()
    assert watched.said == ""


async def test_a_loop_that_hangs_is_not_live() -> None:
    watched = Watched(Client())
    watched.membership.joined("w1-mine")
    await asyncio.sleep(module.STALL_SECONDS)
    assert "the event loop has been blocked" in (watched.membership.fatal_fault() or "")
