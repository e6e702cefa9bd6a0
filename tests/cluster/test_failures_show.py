"""What keeps a stage from running shows in Ready=False within fifteen seconds, on a real node."""

from pathlib import Path
from typing import Any

import pytest
from apiserver import BOTS, Api, eventually
from operators import running

pytestmark = pytest.mark.cluster

SECONDS = 15


@pytest.fixture
def node(api: Api) -> None:
    """A node that runs real pods."""
    nodes = api.get("/api/v1/nodes")["items"]
    real = [item for item in nodes if item["metadata"].get("labels", {}).get("type") != "kwok"]
    if not real:
        pytest.skip("needs a node that runs pods; this API server has none")


def applied(api: Api, namespace: str, **spec: Any) -> str:
    path = f"{BOTS.format(namespace)}"
    body = {
        "apiVersion": "tradebot.dev/v1alpha1",
        "kind": "TradeBot",
        "metadata": {"name": "btc"},
        "spec": {"symbol": "BTCUSD"} | spec,
    }
    api.post(path, body).raise_for_status()
    return f"{path}/btc"


def ready(api: Api, path: str) -> dict[str, Any]:
    listed = api.get(path).get("status", {}).get("conditions", [])
    return next((item for item in listed if item["type"] == "Ready"), {})


def becomes(api: Api, path: str, reason: str) -> dict[str, Any]:
    eventually(lambda: ready(api, path).get("reason") == reason, seconds=SECONDS)
    shown = ready(api, path)
    assert shown.get("reason") == reason, shown
    return shown


def test_an_image_that_cannot_be_had(
    api: Api, node: None, namespace: str, tmp_path: Path, kubeconfig: Path
) -> None:
    images = {"services": "localhost/nowhere:1", "forecast": "localhost/nowhere:1"}
    with running(tmp_path, kubeconfig, namespace, images=images):
        shown = becomes(api, applied(api, namespace), "ImagePullFailed")
    assert "localhost/nowhere:1" in shown["message"]


def test_a_pod_that_no_node_can_hold(
    api: Api, node: None, namespace: str, tmp_path: Path, kubeconfig: Path
) -> None:
    stages = {"ingest": {"resources": {"requests": {"memory": "900Gi"}}}}
    with running(tmp_path, kubeconfig, namespace, stages=stages):
        shown = becomes(api, applied(api, namespace), "Unschedulable")
    assert "Insufficient memory" in shown["message"]


def test_a_secret_that_is_not_there(
    api: Api, node: None, namespace: str, tmp_path: Path, kubeconfig: Path
) -> None:
    pause = {"services": "registry.k8s.io/pause:3.10", "forecast": "registry.k8s.io/pause:3.10"}
    with running(tmp_path, kubeconfig, namespace, images=pause) as operator:
        venue = {"environment": "Sandbox", "credentialsSecret": "missing-keys"}
        path = applied(api, namespace, venue=venue)
        trader = f"/apis/apps/v1/namespaces/{namespace}/deployments/trader-btc"
        assert eventually(lambda: api.exists(trader))
        events = f"/api/v1/namespaces/{namespace}/events"
        assert eventually(
            lambda: any("missing-keys" in item["message"] for item in api.get(events)["items"])
        )
        assert operator.status("/livez") == 200
        assert eventually(lambda: ready(api, path).get("status") == "False", seconds=SECONDS)


def test_a_pod_that_the_namespace_does_not_admit(
    api: Api, node: None, namespace: str, tmp_path: Path, kubeconfig: Path
) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"pods": "0"}},
    }
    api.post(f"/api/v1/namespaces/{namespace}/resourcequotas", quota).raise_for_status()
    quotas = f"/api/v1/namespaces/{namespace}/resourcequotas/none"
    assert eventually(lambda: "hard" in api.get(quotas).get("status", {}))
    with running(tmp_path, kubeconfig, namespace):
        shown = becomes(api, applied(api, namespace), "PodRefused")
    assert "exceeded quota" in shown["message"]
