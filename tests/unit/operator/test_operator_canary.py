"""/livez fails if the loop does not work: on a fake clock, and over real HTTP."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import msgspec
import pytest
from waiting.conditions import until_async

from tradebot_operator.api import Api, ApiError, Listed
from tradebot_operator.canary import LIMIT, TOLERANCE, Canary, SilentWatchError
from tradebot_operator.namespaces import Namespaces
from tradebot_operator.observed import Observed, Shown, bot_keys
from tradebot_operator.queue import WorkQueue
from tradebot_operator.resource import TradeBot, parse
from tradebot_operator.server import Server
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.worker import Key, Worker


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Cluster:
    """Has one TradeBot of this generation; applying anything to it hangs forever."""

    def __init__(self) -> None:
        self.generation = 1
        self.error: Exception | None = None
        self.hanging = 0

    async def listed_metadata(self, kind: str, namespace: str, selector: str) -> list[Listed]:
        if self.error:
            raise self.error
        return [Listed("btc", "u", self.generation)]

    async def apply(self, manifest: dict[str, Any]) -> dict[str, Any]:
        self.hanging += 1
        await asyncio.Event().wait()
        return {}


def bot(generation: int) -> TradeBot:
    meta = {
        "namespace": "bots",
        "name": "btc",
        "uid": "u",
        "generation": generation,
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    return parse({"metadata": meta, "spec": {"symbol": "BTCUSD"}})


class Counted(Canary):
    """Counts finished checks, successful or not."""

    looks = 0

    async def look(self) -> list[Shown]:
        try:
            return await super().look()
        finally:
            self.looks += 1


class Running:
    """An operator's loop on the test's clock, and its port."""

    def __init__(self, port: int) -> None:
        self.clock, self.cluster = Clock(), Cluster()
        self.index: dict[Any, list[Any]] = {}
        self.show(1)
        settings = msgspec.convert(
            {
                "namespace": "bots",
                "images": {"services": "s", "forecast": "f"},
                "kafka": {"bootstrap": "k:9092"},
                "workers": 2,
                "httpPort": port,
            },
            OperatorSettings,
        )
        api, observed = cast(Api, self.cluster), Observed(self.index, [{}], {}, {})
        namespaces = Namespaces(api, ["bots"])
        self.worker = Worker(settings, api, observed, WorkQueue(), namespaces)
        self.worker.canary = self.canary = Counted(api, observed, namespaces.open, self.clock)
        self.server = Server(self.worker.canary, observed, settings)
        self._url = f"http://127.0.0.1:{port}/livez"

    def show(self, generation: int) -> None:
        """Shows the TradeBot in the watch."""
        self.index |= {key: [value] for key, value in bot_keys(bot(generation)).items()}

    async def look(self) -> None:
        """Queues the canary, as happens each 15 s."""
        before = self.canary.looks
        self.worker.queue.add(Key("canary"))
        await until_async(lambda: self.canary.looks > before or self.cluster.hanging == 2)

    async def live(self) -> int:
        async with httpx.AsyncClient() as client:
            return (await client.get(self._url)).status_code


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = Running(port)
    await made.server.start()
    task = asyncio.create_task(made.worker.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await made.server.stop()


async def test_while_the_canary_comes_through_the_operator_is_live(running: Running) -> None:
    for _ in range(10):
        running.clock.now += 15
        await running.look()
        assert await running.live() == 200


async def test_when_every_worker_hangs_the_queue_stands_and_the_operator_is_not_live(
    running: Running,
) -> None:
    running.worker.queue.add(Key("unit", "bots", "trader-btc"))
    running.worker.queue.add(
        Key("unit", "bots", next(key[2] for key in running.index if key[0] == "unit"))
    )
    await until_async(lambda: running.cluster.hanging == 2)
    running.clock.now += LIMIT - 1
    await running.look()
    assert await running.live() == 200
    running.clock.now += 2
    await running.look()
    assert await running.live() == 503


async def test_when_the_watch_shows_nothing_more_the_operator_is_not_live_until_it_does(
    running: Running,
) -> None:
    await running.look()
    running.cluster.generation = 2
    codes = []
    for _ in range(8):
        running.clock.now += 15
        await running.look()
        codes.append(await running.live())
    late = int((TOLERANCE + LIMIT) // 15) + 1
    assert codes[: int(LIMIT // 15) - 1] == [200] * (int(LIMIT // 15) - 1)
    assert codes[late:] == [503] * (8 - late)
    running.show(2)
    await running.look()
    assert await running.live() == 200


async def test_an_api_server_that_refuses_the_canary_is_not_a_sign_of_life(
    running: Running,
) -> None:
    running.cluster.error = ApiError(403, "Forbidden", "tradebots is forbidden")
    for _ in range(5):
        running.clock.now += 15
        await running.look()
    assert await running.live() == 503


async def test_a_watch_that_is_late_is_not_silent_before_its_time() -> None:
    clock, cluster = Clock(), Cluster()
    canary = Canary(cast(Api, cluster), Observed({}, [{}], {}, {}), lambda: ["bots"], clock)
    await canary.look()
    assert not canary.seen, "not ready before the watch has shown what is there"
    clock.now += TOLERANCE
    await canary.look()
    clock.now += 1
    with pytest.raises(SilentWatchError, match="1 TradeBots"):
        await canary.look()
