"""A real Kubernetes from KUBECONFIG; without one the tests are skipped with a reason.

With TRADEBOT_TEST_CLUSTER=1 a missing cluster is a failure.
"""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import service_accounts
import yaml
from apiserver import BOTS, ROOT, Api, eventually
from cable import Cable
from world import World, bot

CRD_FILES = sorted((ROOT / "charts/tradebot/files/crds").glob("*.yaml"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Runs tests that kill the API server last: other parts of the cluster, such as its DNS, may
    not recover.
    """
    killers = Path(__file__).with_name("test_api_server_dies.py")
    items.sort(key=lambda item: item.path == killers)


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    path = os.environ.get("KUBECONFIG", "")
    if path and Path(path).is_file():
        return Path(path)
    reason = "needs a real Kubernetes: set KUBECONFIG to its configuration file"
    if os.environ.get("TRADEBOT_TEST_CLUSTER") == "1":
        pytest.fail(reason + " (TRADEBOT_TEST_CLUSTER=1 expects it)")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def api(kubeconfig: Path) -> Api:
    """The API server, with the chart's CRDs in it."""
    api = Api(kubeconfig)
    for file in CRD_FILES:
        crd = yaml.safe_load(file.read_text())
        name = crd["metadata"]["name"]
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
        api.apply(path, crd).raise_for_status()
    assert eventually(lambda: api.exists(BOTS.format("default")))
    return api


def _make_namespace(api: Api) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    api.post("/api/v1/namespaces", body).raise_for_status()
    yield name
    api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def namespace(api: Api) -> Iterator[str]:
    """Creates a namespace for the test."""
    yield from _make_namespace(api)


@pytest.fixture
def other_namespace(api: Api) -> Iterator[str]:
    """Creates another one."""
    yield from _make_namespace(api)


@pytest.fixture
def third_namespace(api: Api) -> Iterator[str]:
    """Creates a third one."""
    yield from _make_namespace(api)


@pytest.fixture
def world(api: Api, namespace: str) -> World:
    return World(api, namespace)


@pytest.fixture
def account(api: Api, world: World, kubeconfig: Path, tmp_path: Path) -> service_accounts.Account:
    """The operator's account for the trader of TradeBot `btc`, next to a bot `eth`."""
    for name in ("btc", "eth"):
        world.add(bot(name))
    return service_accounts.of_trader(api, world.namespace, kubeconfig, tmp_path)


@pytest.fixture
def cable(kubeconfig: Path) -> Iterator[Cable]:
    """A connection to the API server that can be cut."""
    config = yaml.safe_load(kubeconfig.read_text())
    with Cable(config["clusters"][0]["cluster"]["server"]) as cable:
        yield cable


@pytest.fixture
def by_cable(kubeconfig: Path, cable: Cable, tmp_path: Path) -> Path:
    """A kubeconfig whose API server is at the other end of the cable."""
    config = yaml.safe_load(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = cable.url
    path = tmp_path / "by-cable"
    path.write_text(yaml.safe_dump(config))
    return path
