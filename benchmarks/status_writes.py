"""How often a thousand trading bots write their TradeBots' status, on a real API server.

The operator runs. The traders' own reporters run in this process, one for each bot, each with an
account on a random walk: a bot is flat for ten minutes on average, then holds for five. Windows
close every minute and change the reason. Pods never start, so the operator settles once the
children exist.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import httpx
import msgspec
import yaml

from benchmarks import operator_scale as scale
from tradebot.platform.cluster import ClusterApi
from tradebot.trader.bot_report import BotReport, LastDecision, LimitsLeft
from tradebot.trader.cluster.status import StatusReporter

SECONDS = 180.0
SETTLE_SECONDS = 60.0
LOOK_SECONDS = 1.0
TYPES = ("Reconciled", "FeedFresh", "WindowsFresh", "ModelFresh")


class Told(msgspec.Struct, frozen=True):
    """A trader's condition."""

    type: str
    status: bool
    reason: str
    message: str


class Counted:
    """The API server's client of all traders, which counts what they send."""

    def __init__(self, server: scale.Server) -> None:
        self._http, self.sent = server.http, Counter[str]()

    async def request(
        self, method: str, path: str, body: dict[str, Any] | None = None, **options: Any
    ) -> httpx.Response:
        self.sent[method] += 1
        return await self._http.request(method, path, json=body, **options)


class Account:
    """A bot that is flat, then holds while the price moves, and so on."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.price, self.held, self.cash, self.trades = 100.0, 0.0, 1000.0, 0
        self.holding_seconds = 0.0

    def step(self, minute: int) -> BotReport:
        self.price *= 1 + self._random.gauss(0, 1e-4)
        if self._random.random() < LOOK_SECONDS / (300 if self.held else 600):
            self.held, self.cash = (
                (0.0, self.cash + self.held * self.price)
                if self.held
                else (self.cash / 2 / self.price, self.cash / 2)
            )
            self.trades += 1
        self.holding_seconds += LOOK_SECONDS if self.held else 0.0
        equity = self.cash + self.held * self.price
        return BotReport(
            position=f"{self.held:.8f}",
            equity=f"{equity:.2f}",
            realised="0",
            unrealised="0",
            profit=f"{equity - 1000:.2f}",
            fees="0",
            trades_today=self.trades,
            limits_left=LimitsLeft(orders_this_hour=30),
            last_decision=LastDecision(
                action="hold", reason=f"the delta is {minute}", since="2026-01-01T00:00:00Z"
            ),
        )


def measure() -> Mapping[str, Any]:
    """Runs the operator and the reporters; needs KUBECONFIG of a cluster without other load."""
    return asyncio.run(_measure())


async def _measure() -> Mapping[str, Any]:
    server = scale.Server()
    crd = yaml.safe_load(scale.CRD.read_text())
    place = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd['metadata']['name']}"
    await server.apply(place, crd)
    namespace = f"bench-status-{int(time.time())}"
    body = scale.named("v1", "Namespace", namespace)
    await server.apply(f"/api/v1/namespaces/{namespace}", body)
    with TemporaryDirectory() as folder:
        kubeconfig = await scale.operator_account(server, namespace, Path(folder))
        with scale.running("ours", namespace, kubeconfig, Path(folder)):
            await scale.create_bots(server, namespace)
            await scale.until(lambda: scale.all_there(server, namespace), time.monotonic())
            found = await _reported(server, namespace)
    await server.delete(f"/api/v1/namespaces/{namespace}")
    await server.close()
    return found


async def _reported(server: scale.Server, namespace: str) -> Mapping[str, Any]:
    counted = Counted(server)
    accounts = [Account(number) for number in range(scale.BOTS)]
    reporters = [
        StatusReporter(
            cast(ClusterApi, counted),
            namespace=namespace,
            bot=scale.bot_name(number),
            active=f"trader-{number}",
        )
        for number in range(scale.BOTS)
    ]
    conditions = [Told(kind, True, "Fresh", "it is recent") for kind in TYPES]
    conditions.append(Told("Halted", False, "Trading", "it trades"))
    gate = asyncio.Semaphore(64)

    async def report(number: int, minute: int) -> None:
        figures = accounts[number].step(minute)
        async with gate:
            await reporters[number].report(conditions, figures)

    async def run(seconds: float) -> tuple[int, int, float]:
        patches, writes = counted.sent["PATCH"], scale.written_by_operator(namespace) or 0
        held = sum(each.holding_seconds for each in accounts)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            began = time.monotonic()
            minute = int(left // 60)
            await asyncio.gather(*(report(number, minute) for number in range(scale.BOTS)))
            await asyncio.sleep(max(0.0, LOOK_SECONDS - (time.monotonic() - began)))
        return (
            counted.sent["PATCH"] - patches,
            (scale.written_by_operator(namespace) or 0) - writes,
            sum(each.holding_seconds for each in accounts) - held,
        )

    await run(SETTLE_SECONDS)
    patches, writes, held = await run(SECONDS)
    hours = SECONDS / 3600
    return {
        "ours": round(patches / hours),
        "unit": f"status writes an hour of {scale.BOTS} trading bots",
        "per_bot_hour": round(patches / hours / scale.BOTS, 2),
        "operator_writes_hour": round(writes / hours),
        "bots_holding": round(held / SECONDS, 1),
    }
