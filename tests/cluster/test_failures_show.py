"""What keeps a stage from running shows in Ready=False within fifteen seconds, on a real node."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from apiserver import Api, eventually
from operators import running
from world import World, bot

pytestmark = pytest.mark.cluster

SECONDS = 15
IMAGES = os.environ.get("TRADEBOT_TEST_IMAGES", "")


@pytest.fixture
def node(api: Api) -> None:
    """A node that runs real pods."""
    nodes = api.get("/api/v1/nodes")["items"]
    real = [item for item in nodes if item["metadata"].get("labels", {}).get("type") != "kwok"]
    if not real:
        pytest.skip("needs a node that runs pods; this API server has none")


@pytest.fixture
def images(node: None) -> dict[str, str]:
    """Our own images, in the node."""
    if not IMAGES:
        pytest.skip("needs images in the cluster (TRADEBOT_TEST_IMAGES, registry:tag)")
    registry, tag = IMAGES.rsplit(":", 1)
    return {name: f"{registry}/tradebot-{name}:{tag}" for name in ("services", "forecast")}


def pods(world: World, stage: str) -> list[dict[str, Any]]:
    params = {"labelSelector": f"tradebot.dev/stage={stage}"}
    path = f"/api/v1/namespaces/{world.namespace}/pods"
    found: list[dict[str, Any]] = world.api.request("GET", path, params=params).json()["items"]
    return found


def states(world: World, stage: str) -> str:
    """Returns the node's states of a stage's containers."""
    return json.dumps([pod["status"].get("containerStatuses") for pod in pods(world, stage)])


def becomes(world: World, reason: str) -> dict[str, Any]:
    """Returns the condition Ready once it has the reason, within `SECONDS`."""
    eventually(lambda: world.condition("btc").get("reason") == reason, seconds=SECONDS)
    shown = world.condition("btc")
    assert (shown.get("status"), shown.get("reason")) == ("False", reason), shown
    return shown


def happens(world: World, stage: str, sign: str) -> None:
    """Waits until the node reports this of a stage, however slow the machine."""
    assert eventually(lambda: sign in states(world, stage)), states(world, stage)


def test_an_image_that_cannot_be_had(
    world: World, node: None, tmp_path: Path, kubeconfig: Path
) -> None:
    nowhere = {"services": "localhost/nowhere:1", "forecast": "localhost/nowhere:1"}
    with running(tmp_path, kubeconfig, world.namespace, images=nowhere):
        world.add(bot())
        happens(world, "ingest", "ErrImagePull")
        assert "localhost/nowhere:1" in becomes(world, "ImagePullFailed")["message"]


def test_a_setting_that_a_stage_refuses_shows_with_the_last_line_that_it_said(
    world: World, images: dict[str, str], tmp_path: Path, kubeconfig: Path
) -> None:
    stages = {"ingest": {"env": {"TRADEBOT_STALL_SECONDS": "many"}}}
    with running(tmp_path, kubeconfig, world.namespace, images=images, stages=stages):
        world.add(bot())
        happens(world, "ingest", "terminated")
        message = becomes(world, "CrashLoop")["message"]
    assert message == "ingest exited: Error: TRADEBOT_STALL_SECONDS is 'many': use a number"


def test_a_stage_that_gets_too_little_memory(
    world: World, images: dict[str, str], tmp_path: Path, kubeconfig: Path
) -> None:
    little = {"requests": {"memory": "16Mi"}, "limits": {"memory": "16Mi"}}
    stages = {"ingest": {"resources": little}}
    with running(tmp_path, kubeconfig, world.namespace, images=images, stages=stages):
        world.add(bot())
        happens(world, "ingest", "OOM")
        assert "raise its memory limit" in becomes(world, "OutOfMemory")["message"]


def test_a_pod_that_no_node_can_hold(
    world: World, node: None, tmp_path: Path, kubeconfig: Path
) -> None:
    stages = {"ingest": {"resources": {"requests": {"memory": "900Gi"}}}}
    with running(tmp_path, kubeconfig, world.namespace, stages=stages):
        world.add(bot())
        assert "Insufficient memory" in becomes(world, "Unschedulable")["message"]


def test_a_secret_that_is_not_there_shows_also_while_the_feed_begins(
    world: World, node: None, tmp_path: Path, kubeconfig: Path
) -> None:
    pause = {"services": "registry.k8s.io/pause:3.10", "forecast": "registry.k8s.io/pause:3.10"}
    with running(tmp_path, kubeconfig, world.namespace, images=pause) as operator:
        world.add(bot(venue={"environment": "Sandbox", "credentialsSecret": "missing-keys"}))
        events = f"/api/v1/namespaces/{world.namespace}/events"
        assert eventually(
            lambda: any(
                "missing-keys" in item["message"] for item in world.api.get(events)["items"]
            )
        )
        message = becomes(world, "SecretMissing")["message"]
        assert operator.status("/livez") == 200
    assert message.startswith("trader waits for Secret missing-keys: create it in this namespace")


def test_a_pod_that_the_namespace_does_not_admit(
    world: World, node: None, tmp_path: Path, kubeconfig: Path
) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"pods": "0"}},
    }
    path = f"/api/v1/namespaces/{world.namespace}/resourcequotas"
    world.api.post(path, quota).raise_for_status()
    assert eventually(lambda: "hard" in world.api.get(f"{path}/none").get("status", {}))
    with running(tmp_path, kubeconfig, world.namespace):
        world.add(bot())
        assert "exceeded quota" in becomes(world, "PodRefused")["message"]
