"""A thousand TradeBots over twenty symbols on a real API server, compared with plain kopf handlers.

Fake nodes (kwok) run the pods. Time is from the first TradeBot's creation until every child of
every bot exists. Writes are counted in the API server's audit log, each operator with its own
account, until it has settled: an operator that reports running pods writes for as long as the
cluster's own controllers take to run them.
"""

import asyncio
import base64
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import httpx
import yaml

from tradebot_operator.api import resource

BOTS = int(os.environ.get("TRADEBOT_BENCH_BOTS", "1000"))
SYMBOLS = 20
PATIENCE = 900.0
QUIET_SECONDS = 20.0
START_SECONDS = 4.0
ROOT = Path(__file__).resolve().parent.parent
TOOL = ROOT.parent / "shared/cluster/cluster"
CRD = ROOT / "charts/tradebot/files/crds/tradebots.tradebot.dev.yaml"
SIDES = {
    "peer": [str(ROOT / "benchmarks/peers/plain_operator.py")],
    "ours": ["-m", "tradebot_operator"],
}


def path(kind: str, namespace: str, name: str | None = None) -> str:
    """Returns the path of an object, or of its collection."""
    address: str = resource(kind).path(name, namespace)
    return address


class Server:
    """The API server, as the administrator of KUBECONFIG."""

    def __init__(self) -> None:
        config = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self.http = httpx.AsyncClient(
            base_url=cluster["server"],
            verify=ssl.create_default_context(cadata=authority),
            headers={"Authorization": f"Bearer {user['token']}"},
            timeout=60,
        )

    async def get(self, place: str) -> dict[str, Any]:
        answer = await self.http.get(place)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    async def count(self, place: str) -> int:
        """Returns how many objects a collection has; the response contains only one of them."""
        listed = await self.get(f"{place}?limit=1")
        return len(listed["items"] or []) + int(listed["metadata"].get("remainingItemCount", 0))

    async def post(self, place: str, body: Any) -> dict[str, Any]:
        answer = await self.http.post(place, json=body)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    async def apply(self, place: str, body: Any) -> None:
        headers = {"Content-Type": "application/apply-patch+yaml"}
        params = {"fieldManager": "bench", "force": "true"}
        answer = await self.http.patch(place, json=body, headers=headers, params=params)
        answer.raise_for_status()

    async def merge(self, place: str, body: Any) -> None:
        headers = {"Content-Type": "application/merge-patch+json"}
        (await self.http.patch(place, json=body, headers=headers)).raise_for_status()

    async def delete(self, place: str) -> None:
        await self.http.delete(place)

    async def close(self) -> None:
        await self.http.aclose()


def measure() -> Mapping[str, Any]:
    """Measures both, one after the other, each in its own namespace.

    Raises:
        ClickException: there is no API server with enough fake nodes.
    """
    return asyncio.run(_measure())


async def _measure() -> Mapping[str, Any]:
    if not os.environ.get("KUBECONFIG"):
        raise click.ClickException(
            "set KUBECONFIG to a cluster with fake nodes (cluster up --kwok)"
        )
    server = Server()
    try:
        nodes = await _prepare(server)
        beating = asyncio.create_task(_beat(server, nodes))
        found = {side: await _side(server, side) for side in SIDES}
        beating.cancel()
    finally:
        await server.close()
    ours, peer = found["ours"], found["peer"]
    return {
        "ours": ours["seconds"],
        "peer": peer["seconds"],
        "ratio": ours["seconds"] / peer["seconds"],
        "unit": f"s until all children of {BOTS} TradeBots are there",
        "bots": BOTS,
        "details": found,
        "writes_ratio": _ratio(ours["writes"], peer["writes"]),
    }


def _ratio(one: int | None, other: int | None) -> float | None:
    return one / other if one is not None and other else None


def _less(one: int | None, other: int | None) -> int | None:
    return one - other if one is not None and other is not None else None


async def _prepare(server: Server) -> list[str]:
    """Checks for room, installs the definition, and returns the fake nodes' names."""
    nodes = (await server.get("/api/v1/nodes?labelSelector=type=kwok"))["items"]
    room = sum(int(node["status"]["allocatable"]["pods"]) for node in nodes)
    if room < BOTS + 4 * SYMBOLS:
        raise click.ClickException(
            f"{BOTS} bots need as many pods, and the fake nodes hold {room}: bring the cluster up"
            f" with --control-only --kwok {(BOTS + 4 * SYMBOLS) // 110 + 1}"
        )
    crd = yaml.safe_load(CRD.read_text())
    place = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd['metadata']['name']}"
    await server.apply(place, crd)
    return [node["metadata"]["name"] for node in nodes]


async def _beat(server: Server, nodes: list[str]) -> None:
    """Sends the fake nodes' heartbeats. A busy kwok sends its own late; the cluster then marks all
    of their pods unready, which changes every bot's status.
    """
    while True:
        for node in nodes:
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            lease = named("coordination.k8s.io/v1", "Lease", node, "kube-node-lease")
            spec = {"holderIdentity": node, "leaseDurationSeconds": 40, "renewTime": now}
            place = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node}"
            await server.apply(place, lease | {"spec": spec})
        await asyncio.sleep(10)


async def _side(server: Server, side: str) -> dict[str, Any]:
    namespace = f"bench-{side}-{int(time.time())}"
    await server.apply(f"/api/v1/namespaces/{namespace}", named("v1", "Namespace", namespace))
    with TemporaryDirectory() as folder:
        kubeconfig = await operator_account(server, namespace, Path(folder))
        with running(side, namespace, kubeconfig, Path(folder)) as pid:
            began = time.monotonic()
            await create_bots(server, namespace)
            created = time.monotonic() - began
            seconds = await until(lambda: all_there(server, namespace), began)
            writes = await _rest(namespace)
            rested = time.monotonic() - began - QUIET_SECONDS
            memory = _peak_mb(pid)
        with running(side, namespace, kubeconfig, Path(folder)):
            await asyncio.sleep(QUIET_SECONDS)
            after = written_by_operator(namespace)
    await _clear(server, namespace)
    return {
        "seconds": seconds,
        "bots_created_seconds": created,
        "rested_seconds": rested,
        "writes": writes,
        "writes_per_bot": writes / BOTS if writes is not None else None,
        "writes_after_restart": after - writes
        if writes is not None and after is not None
        else None,
        "peak_mb": memory,
    }


async def operator_account(server: Server, namespace: str, folder: Path) -> Path:
    """Returns a kubeconfig of an account with all rights in the namespace."""
    account = named("v1", "ServiceAccount", "operator", namespace)
    await server.post(path("ServiceAccount", namespace), account)
    binding = named("rbac.authorization.k8s.io/v1", "RoleBinding", "operator", namespace) | {
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "cluster-admin",
        },
        "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": namespace}],
    }
    await server.post(path("RoleBinding", namespace), binding)
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 7200},
    }
    answer = await server.post(f"{path('ServiceAccount', namespace, 'operator')}/token", request)
    return _kubeconfig(answer["status"]["token"], folder / "kubeconfig")


def _kubeconfig(token: str, file: Path) -> Path:
    config = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    config["users"][0]["user"] = {"token": token}
    file.write_text(yaml.safe_dump(config))
    return file


@contextmanager
def running(side: str, namespace: str, kubeconfig: Path, folder: Path) -> Iterator[int]:
    """Runs the operator inside the block; yields its process id once it has started.

    Raises:
        ClickException: it ended by itself.
    """
    settings = {
        "namespace": namespace,
        "images": {"services": "services:bench", "forecast": "forecast:bench"},
        "kafka": {"bootstrap": "kafka:9092"},
        "httpPort": 19777,
    }
    file = folder / "operator.json"
    file.write_text(json.dumps(settings))
    environment = os.environ | {
        "KUBECONFIG": str(kubeconfig),
        "TRADEBOT_OPERATOR_CONFIG": str(file),
    }
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *SIDES[side]], env=environment, stdout=log, stderr=log
        )
    try:
        time.sleep(START_SECONDS)
        _demand_alive(process, folder)
        yield process.pid
        _demand_alive(process, folder)
    finally:
        process.kill()
        process.wait()


def _demand_alive(process: subprocess.Popen[bytes], folder: Path) -> None:
    if process.poll() is not None:
        said = (folder / "log").read_text(errors="replace").strip() or "it said nothing"
        raise click.ClickException(f"the operator ended: {said.splitlines()[-1]}")


def named(version: str, kind: str, name: str, namespace: str = "") -> dict[str, Any]:
    """Returns an object with its metadata only."""
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


async def _clear(server: Server, namespace: str) -> None:
    """Frees the fake nodes; also removes finalizers, since their operator is gone."""
    gate = asyncio.Semaphore(16)

    async def release(number: int) -> None:
        async with gate:
            place = path("TradeBot", namespace, bot_name(number))
            await server.merge(place, {"metadata": {"finalizers": None}})

    await asyncio.gather(*(release(number) for number in range(BOTS)))
    await server.delete(f"/api/v1/namespaces/{namespace}")
    await until(lambda: _gone(server, namespace), time.monotonic())


def bot_name(number: int) -> str:
    """Returns a bot's name."""
    return f"bot-{number:04}"


async def create_bots(server: Server, namespace: str) -> None:
    """Creates all TradeBots."""
    gate = asyncio.Semaphore(16)

    async def create(number: int) -> None:
        body = named("tradebot.dev/v1alpha1", "TradeBot", bot_name(number), namespace)
        spec = {"symbol": f"S{number % SYMBOLS:02}USD"}
        async with gate:
            await server.post(path("TradeBot", namespace), body | {"spec": spec})

    await asyncio.gather(*(create(number) for number in range(BOTS)))


async def until(check: Any, began: float) -> float:
    """Waits for a check; returns the seconds since `began`."""
    while not await check():
        if time.monotonic() - began > PATIENCE:
            raise click.ClickException(f"not done in {PATIENCE:g} s: is the machine busy?")
        await asyncio.sleep(0.25)
    return time.monotonic() - began


async def all_there(server: Server, namespace: str) -> bool:
    """Whether every child of every bot exists."""
    shared = 2 * SYMBOLS + 1
    # In addition to the children: the namespace's own certificate and account, and the operator's.
    wanted = {
        "Deployment": BOTS + shared,
        "ConfigMap": BOTS + shared + 1,
        "ServiceAccount": BOTS + 2,
        "Role": BOTS,
        "RoleBinding": BOTS + 1,
    }
    for kind, count in wanted.items():
        if await server.count(path(kind, namespace)) < count:
            return False
    return True


async def _rest(namespace: str) -> int | None:
    """Waits until the operator has written nothing for a while; returns its writes until then."""
    before, since = written_by_operator(namespace), time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS:
        await asyncio.sleep(5)
        now = written_by_operator(namespace)
        if now != before:
            before, since = now, time.monotonic()
    return before


async def _gone(server: Server, namespace: str) -> bool:
    await asyncio.sleep(2)
    try:
        await server.get(f"/api/v1/namespaces/{namespace}")
    except httpx.HTTPStatusError:
        return True
    return False


def written_by_operator(namespace: str) -> int | None:
    """Returns the operator's writes so far, from the audit log; `None` without one."""
    if not TOOL.exists():
        return None
    user = f'"system:serviceaccount:{namespace}:operator"'
    log = subprocess.run([TOOL, "logs", "audit"], capture_output=True, text=True, check=True)
    count = 0
    # The last line may be incomplete.
    for line in log.stdout.split("\n")[:-1]:
        if user in line and '"ResponseComplete"' in line:
            count += json.loads(line)["verb"] not in ("get", "list", "watch")
    return count


def _peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
