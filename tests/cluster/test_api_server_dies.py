"""The API server is killed, cut off, or goes dead silently; afterwards everything converges."""

import asyncio
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from apiserver import eventually
from cable import Cable
from operators import Running, running
from server_process import ServerProcess
from service_accounts import Account
from venues.faulty import FaultyVenue, MemoryJournal, MemoryPublisher
from world import KINDS, World, bot, has

from tradebot.domain.intent import Intent
from tradebot.trader.cluster.lease import LeaseObject
from tradebot.trader.journal.documents import Identity
from tradebot.trader.journal.entries import EpochTaken
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.lease import LeaseLostError
from tradebot.trader.orders.execution import Executor
from tradebot.trader.renewed_lease import RenewedLease, Term
from tradebot.venue.port import OrderStatus

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

SILENCE = 30.0
"""How long a cable is dead, in seconds."""


@pytest.fixture
def server(kubeconfig: Path) -> Iterator[ServerProcess]:
    """The API server's process, restarted after the test."""
    try:
        process = ServerProcess(kubeconfig)
    except LookupError as error:
        pytest.skip(f"needs an API server that may be killed: {error}")
    yield process
    process.start()


def settled_with_a_bot(world: World, operator: Running, count: int = 4) -> dict[str, Any]:
    world.add(bot("stays"))
    assert eventually(has(world, count))
    assert world.settled(operator)
    return world.shape()


def meddle(world: World, comes: str = "ETHUSD") -> None:
    """Adds another bot, and deletes a child of the first."""
    world.add(bot("comes", symbol=comes))
    world.api.delete(f"{KINDS['deployments'].format(world.namespace)}/trader-stays")


def put_right(world: World, shape: dict[str, Any], gone: str = "") -> Callable[[], bool]:
    """Whether the new bot exists, and everything is as before, except what belonged to the deleted
    bot and to its symbol `gone`. The owners of the shared liquidity change with the bots.
    """

    def check() -> bool:
        now = world.shape()
        kept = {name for name in shape if not (gone and {"goes", gone} & set(name.split("-")))}
        same = all(now.get(name) == shape[name] for name in kept if "/liquidity" not in name)
        return same and "deployments/trader-comes" in now and kept <= set(now)

    return check


def test_an_operator_outlives_the_kill_of_the_api_server(
    world: World, tmp_path: Path, kubeconfig: Path, server: ServerProcess
) -> None:
    with running(tmp_path, kubeconfig, world.namespace) as operator:
        shape = settled_with_a_bot(world, operator)
        server.kill()
        time.sleep(5)
        server.start()
        meddle(world)
        assert eventually(put_right(world, shape))
        assert eventually(lambda: world.condition("comes").get("observedGeneration") == 1)
        assert world.settled(operator)
        assert operator.process.poll() is None and operator.status("/livez") == 200


@pytest.mark.parametrize(("how", "seconds"), [("pull", 10.0), ("deaden", SILENCE)])
def test_an_operator_whose_connections_are_cut_or_go_dead_catches_up(
    how: str, seconds: float, world: World, tmp_path: Path, cable: Cable, by_cable: Path
) -> None:
    with running(tmp_path, by_cable, world.namespace) as operator:
        shape = settled_with_a_bot(world, operator)
        getattr(cable, how)()
        meddle(world)
        time.sleep(seconds)
        assert "trader-comes" not in world.names("deployments")
        cable.plug_in()
        assert eventually(put_right(world, shape))
        assert world.settled(operator)
        assert operator.process.poll() is None
        assert eventually(lambda: operator.status("/livez") == 200)


def test_what_was_deleted_while_the_watches_could_not_see_it_is_noticed(
    world: World, tmp_path: Path, cable: Cable, by_cable: Path, server: ServerProcess
) -> None:
    """A new API server does not remember the watches' versions: they restart with a list, which
    lacks what was deleted.
    """
    with running(tmp_path, by_cable, world.namespace) as operator:
        world.add(bot("goes", symbol="ETHUSD"))
        shape = settled_with_a_bot(world, operator, count=7)
        cable.pull()
        server.kill()
        server.start()
        meddle(world, comes="LTCUSD")
        world.remove("goes")
        cable.plug_in()
        assert eventually(put_right(world, shape, gone="ethusd"))
        assert world.settled(operator)
        left = {name for name in world.shape() if "goes" in name or "ethusd" in name}
        assert not left


class Venue(FaultyVenue):
    """Accepts every order, and records its time and epoch."""

    def __init__(self) -> None:
        super().__init__(seed=1, rate=0.0)
        self.sent: list[tuple[float, int]] = []

    async def place(self, intent: Intent) -> OrderStatus:
        self.sent.append((time.monotonic(), intent.epoch))
        return await super().place(intent)

    def epochs(self) -> list[int]:
        return sorted({epoch for _, epoch in self.sent})


async def trade(account: Account, venue: Venue, journal: MemoryJournal) -> None:
    """Runs a trader's process from its lease to its end: an order each quarter of a second."""
    who = Identity(bot="btc", symbol="BTCUSD", mode="Live")
    journaled = JournaledLedger(journal, MemoryPublisher(Random(1)), who, lambda: venue.now)
    journaled.open()
    client = account.api()
    lease = RenewedLease(LeaseObject(client, namespace=account.namespace, bot="btc"), holder="pod")
    executor = Executor(journaled, venue, lease.held, venue.sleep)
    try:
        epoch = await lease.acquire()
        await journaled.record(EpochTaken(epoch=epoch, mode="Live"))
        for number in range(1, 1000):
            await executor.execute(order(epoch, number))
            await asyncio.sleep(0.25)
    finally:
        await lease.release()
        await client.close()


def order(epoch: int, number: int) -> Intent:
    return Intent(
        client_order_id=f"tb-btc-{epoch}-{number}",
        epoch=epoch,
        number=number,
        decision_id=f"btc-{epoch}-{number}",
        symbol="BTCUSD",
        side="buy",
        amount=Decimal("0.0001"),
        price=Decimal(11500),
        mid=Decimal(11400),
        window_end=60_000 * number,
        created=0,
    )


async def restarted_for_ever(account: Account, venue: Venue, journal: MemoryJournal) -> None:
    """Restarts it like a kubelet."""
    while True:
        try:
            await trade(account, venue, journal)
        except LeaseLostError:
            await asyncio.sleep(0.5)


async def until(check: Callable[[], bool], seconds: float) -> bool:
    return bool(await asyncio.to_thread(eventually, check, seconds))


async def test_a_trader_sends_nothing_while_it_cannot_renew_and_acts_again_afterwards(
    account: Account, server: ServerProcess
) -> None:
    venue, journal = Venue(), MemoryJournal(Random(1))
    pod = asyncio.create_task(restarted_for_ever(account, venue, journal))
    assert await until(lambda: venue.epochs() == [1], 10)
    await asyncio.to_thread(server.kill)
    killed = time.monotonic()
    await asyncio.sleep(Term().trusted + 6)
    last, _ = venue.sent[-1]
    assert last < killed + Term().trusted + 3
    assert venue.epochs() == [1]
    await asyncio.to_thread(server.start)
    assert await until(lambda: venue.epochs() == [1, 2], 20)
    pod.cancel()
    await asyncio.gather(pod, return_exceptions=True)
    named = [resting.intent.client_order_id for resting in venue.orders]
    assert len(named) == len(set(named)) == len(venue.sent)
