"""The number of writes of a start: changes are collected into one, failures written at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
import pytest
from waiting.conditions import until_async
from waiting.virtual_time import VirtualTime

from tradebot_operator import keys, status_writer
from tradebot_operator import worker as loop
from tradebot_operator.api import Api, Listed
from tradebot_operator.namespaces import Namespaces
from tradebot_operator.naming import UNIT
from tradebot_operator.observed import Observed, bot_keys, child_keys, trim
from tradebot_operator.queue import WorkQueue
from tradebot_operator.resource import Spec, TradeBot, parse
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.stages.table import units
from tradebot_operator.strategy_code import code_map
from tradebot_operator.worker import Key, Worker

SETTINGS = msgspec.convert(
    {
        "namespace": "bots",
        "images": {"services": "s", "forecast": "f"},
        "kafka": {"bootstrap": "k:9092"},
    },
    OperatorSettings,
)
RUNNING = {"state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
PULLING = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}


class Cluster:
    """An API server that accepts and records every write, and shows none of them."""

    def __init__(self) -> None:
        self.statuses: list[tuple[str, str]] = []
        self.applied: list[dict[str, Any]] = []

    async def listed_metadata(self, kind: str, namespace: str, selector: str) -> list[Listed]:
        return [Listed(name, f"uid-{name}", 1) for name in ("btc", "a", "b", "c")]

    async def listed(self, kind: str, namespace: str, selector: str) -> dict[str, Any]:
        return {"items": []}

    async def create(self, manifest: dict[str, Any]) -> dict[str, Any]:
        return manifest

    async def apply(self, manifest: dict[str, Any]) -> dict[str, Any]:
        self.applied.append(manifest)
        marks = {"uid": manifest["metadata"]["name"], "resourceVersion": str(len(self.applied))}
        return manifest | {"metadata": manifest["metadata"] | marks}

    async def apply_status(self, namespace: str, body: dict[str, Any]) -> None:
        said = body["status"]["conditions"][0]
        self.statuses.append((said["status"], said["reason"]))

    def owners(self, kind: str, name: str) -> list[list[str]]:
        """Returns the owners in each write of such a child."""
        return [
            [owner["name"] for owner in item["metadata"]["ownerReferences"]]
            for item in self.applied
            if item["kind"] == kind and item["metadata"]["name"].startswith(name)
        ]


def bot(name: str = "btc", shown: str = "") -> TradeBot:
    condition = {
        "type": "Ready",
        "status": "False",
        "reason": shown,
        "message": "x",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    return parse(
        {
            "metadata": {
                "namespace": "bots",
                "name": name,
                "uid": f"uid-{name}",
                "generation": 1,
                "creationTimestamp": "2026-01-01T00:00:00Z",
            },
            "spec": {"symbol": "BTCUSD"},
            "status": {"observedGeneration": 1, "conditions": [condition]} if shown else {},
        }
    )


def pod(unit: str, container: dict[str, Any]) -> dict[str, Any]:
    ready = "True" if container is RUNNING else "False"
    return {
        "metadata": {"name": f"{unit}-pod", "namespace": "bots", "labels": {UNIT: unit}},
        "status": {
            "conditions": [{"type": "Ready", "status": ready}],
            "containerStatuses": [{"image": "s"} | container],
        },
    }


def deployment(unit: str) -> dict[str, Any]:
    meta = {"name": unit, "namespace": "bots", "labels": {UNIT: unit}, "generation": 1}
    status = {"observedGeneration": 1, "updatedReplicas": 1}
    return {"metadata": meta | {"uid": unit, "resourceVersion": "1"}, "status": status}


class Watched:
    """What the watches show, like kopf's indices."""

    def __init__(self) -> None:
        self.bots: dict[Any, list[Any]] = {}
        self.children: dict[Any, list[Any]] = {}
        self.pods: dict[Any, list[Any]] = {}
        self.codes: dict[Any, list[Any]] = {}

    def show(self, shown: TradeBot) -> None:
        for key, value in bot_keys(shown).items():
            self.bots.setdefault(key, []).append(value)

    def run(self, shown: TradeBot, **containers: dict[str, Any]) -> None:
        """Adds a Deployment and a pod for every unit of the bot; its container runs by default."""
        for unit in units(shown):
            made = trim("Deployment", deployment(unit.name))
            self._add(self.children, made)
            container = containers.get(unit.stage, RUNNING)
            self._add(self.pods, trim("Pod", pod(unit.name, container)))

    @staticmethod
    def _add(index: dict[Any, list[Any]], item: dict[str, Any]) -> None:
        for key, value in child_keys(item | {"kind": "Pod"}).items():
            index.setdefault(key, []).append(value | {"kind": item["kind"]})


@asynccontextmanager
async def working(watched: Watched, cluster: Cluster) -> AsyncIterator[Worker]:
    seen = Observed(watched.bots, [watched.children], watched.pods, watched.codes)
    api = cast(Api, cluster)
    queue: WorkQueue[Key] = WorkQueue(monotonic=asyncio.get_running_loop().time)
    made = Worker(SETTINGS, api, seen, queue, Namespaces(api, ["bots"]))
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def delays(monkeypatch: pytest.MonkeyPatch, virtual_time: VirtualTime) -> None:
    """Sets delays longer than any test waits, unless a test changes them."""
    for module in (loop, keys):
        monkeypatch.setattr(module, "STATUS_DELAY", 0.02)
        monkeypatch.setattr(module, "GATHER_DELAY", 60.0)
    monkeypatch.setattr(status_writer, "SETTLE_SECONDS", 60.0)


async def test_the_next_step_of_a_start_is_reported_only_if_it_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(status_writer, "SETTLE_SECONDS", 0.5)
    watched, cluster = Watched(), Cluster()
    watched.show(starting := bot(shown="StagesStarting"))
    watched.run(starting)
    async with working(watched, cluster) as worker:
        for _ in range(10):
            worker.queue.add(Key("bot", "bots", "btc"))
            await asyncio.sleep(0.02)
        assert cluster.statuses == []
        await until_async(lambda: bool(cluster.statuses))
    assert cluster.statuses == [("False", "TraderStarting")]


async def test_the_first_status_of_a_bot_is_written_at_once() -> None:
    watched, cluster = Watched(), Cluster()
    watched.show(bot())
    async with working(watched, cluster) as worker:
        worker.bot_changed("bots", "btc")
        await until_async(lambda: bool(cluster.statuses))
    assert cluster.statuses == [("False", "StagesStarting")]


async def test_a_failure_is_reported_at_once_also_in_a_start() -> None:
    watched, cluster = Watched(), Cluster()
    watched.show(starting := bot(shown="StagesStarting"))
    watched.run(starting, forecast=PULLING)
    async with working(watched, cluster) as worker:
        worker.queue.add(Key("bot", "bots", "btc"))
        await until_async(lambda: bool(cluster.statuses))
    assert cluster.statuses == [("False", "ImagePullFailed")]


async def test_bots_that_come_together_are_one_write_of_what_they_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "GATHER_DELAY", 0.4)
    watched, cluster = Watched(), Cluster()
    async with working(watched, cluster) as worker:
        for name in ("a", "b", "c"):
            watched.show(bot(name))
            worker.bot_changed("bots", name)
            await asyncio.sleep(0.03)
        await until_async(lambda: len(cluster.owners("Deployment", "ingest")) > 0)
        await asyncio.sleep(0.1)
    assert cluster.owners("Deployment", "ingest") == [["a", "b", "c"]]
    assert cluster.owners("ConfigMap", "ingest") == [["a", "b", "c"]]


async def test_a_bots_own_trader_is_applied_without_delay() -> None:
    watched, cluster = Watched(), Cluster()
    async with working(watched, cluster) as worker:
        watched.show(bot("a"))
        worker.bot_changed("bots", "a")
        await until_async(lambda: len(cluster.owners("Deployment", "trader-a")) > 0)
    assert cluster.owners("Deployment", "ingest") == []


async def test_a_child_moved_to_another_unit_is_recreated_though_it_was_just_written() -> None:
    watched, cluster = Watched(), Cluster()
    watched.show(bot())
    async with working(watched, cluster) as worker:
        worker.queue.add(Key("unit", "bots", "trader-btc"))
        await until_async(lambda: len(cluster.applied) == 5)
        worker.child_changed("Role", "bots", {UNIT: "x"}, "trader-btc")
        await until_async(lambda: len(cluster.applied) > 5)
        again = {item["kind"] for item in cluster.applied[5:]}
    assert "Role" in again


async def test_actions_of_a_unit_and_conditions_of_a_bot_are_a_log_line_each(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "tradebot_operator")
    watched, cluster = Watched(), Cluster()
    watched.show(bot())
    async with working(watched, cluster) as worker:
        worker.bot_changed("bots", "btc")
        await until_async(lambda: bool(cluster.statuses))
    assert [line for line in caplog.messages if "btc" in line] == [
        "bots/trader-btc: apply ServiceAccount, Role, RoleBinding, ConfigMap, Deployment",
        "TradeBot bots/btc: Ready is False, StagesStarting: the stages are starting",
    ]


def idle_worker(watched: Watched) -> tuple[Worker, WorkQueue[Key]]:
    """A worker that does not run, and its queue, whose keys stay in it."""
    seen = Observed(watched.bots, [watched.children], watched.pods, watched.codes)
    queue: WorkQueue[Key] = WorkQueue(monotonic=lambda: 0.0)
    api = cast(Api, Cluster())
    return Worker(SETTINGS, api, seen, queue, Namespaces(api, ["bots"])), queue


async def test_an_edited_file_is_looked_at_for_the_bots_that_run_it() -> None:
    watched = Watched()
    spec = msgspec.convert({"symbol": "BTCUSD", "strategy": {"file": {"configMap": "sma"}}}, Spec)
    watched.show(msgspec.structs.replace(bot(), spec=spec))
    watched.show(bot("other"))
    worker, queue = idle_worker(watched)
    worker.bot_changed("bots", "btc")
    worker.bot_changed("bots", "other")
    for text in ("def signals(bars): ...", "def signals(bars, fast=1): ..."):
        queue._due.clear()
        body = {"metadata": {"namespace": "bots", "name": "sma", "uid": "1"}}
        watched.codes[("code", "bots", "sma")] = [code_map(body | {"data": {"strategy.py": text}})]
        worker.code_changed("bots", "sma")
        names = {key.name.split("-")[0] for key in queue._due}
        assert {"strategy", "btc"} <= names
        assert "other" not in names


async def test_a_status_that_the_trader_wrote_is_not_a_reason_to_look_at_the_bots_units() -> None:
    watched = Watched()
    watched.show(starting := bot())
    worker, queue = idle_worker(watched)
    worker.bot_changed("bots", "btc")
    before = dict(queue._due)
    assert Key("unit", "bots", units(starting)[0].name) in before
    queue._due.clear()
    watched.bots.clear()
    watched.show(bot(shown="StagesStarting"))
    worker.bot_changed("bots", "btc")
    assert list(queue._due) == [Key("bot", "bots", "btc")]
    watched.bots.clear()
    watched.show(msgspec.structs.replace(starting, spec=bot("other").spec, finalizers=("x",)))
    worker.bot_changed("bots", "btc")
    assert set(before) <= set(queue._due)
