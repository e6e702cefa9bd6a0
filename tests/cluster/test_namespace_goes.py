"""No namespace hangs on a TradeBot that must be flattened: neither while the operator runs, whose
rights are deleted with the namespace, nor after it was uninstalled.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import service_accounts
from apiserver import BOTS, ROOT, Api, eventually
from operators import configuration, running
from world import World, bot, has

pytestmark = pytest.mark.cluster

HOLD = ["tradebot.dev/flatten"]
GONE = 40
"""Seconds for Kubernetes to empty a namespace, including the five before it starts."""


def held(world: World, name: str = "btc") -> bool:
    return world.api.get(world.path(name))["metadata"].get("finalizers") == HOLD


def exists(api: Api, namespace: str) -> bool:
    return api.exists(f"/api/v1/namespaces/{namespace}")


def begin(world: World) -> None:
    """Starts a bot that must be flattened."""
    world.add(bot(deletionPolicy="Flatten"))
    assert eventually(has(world, 4))
    assert eventually(lambda: held(world))


def test_the_operators_own_namespace_goes_with_a_bot_in_it(
    world: World, tmp_path: Path, kubeconfig: Path
) -> None:
    with running(tmp_path, kubeconfig, world.namespace) as operator:
        begin(world)
        world.api.delete(f"/api/v1/namespaces/{world.namespace}")
        assert eventually(lambda: not exists(world.api, world.namespace), seconds=GONE), (
            world.api.get(f"/api/v1/namespaces/{world.namespace}")["status"],
            operator.tail(),
        )


def test_a_bot_that_is_being_sold_does_not_hold_its_namespace(
    world: World, tmp_path: Path, kubeconfig: Path
) -> None:
    with running(tmp_path, kubeconfig, world.namespace, flattenSeconds=600):
        begin(world)
        world.remove("btc")
        world.api.delete(f"/api/v1/namespaces/{world.namespace}")
        assert eventually(lambda: not exists(world.api, world.namespace), seconds=GONE)


def test_one_of_several_namespaces_goes_and_the_others_are_served_on(
    api: Api,
    namespace: str,
    other_namespace: str,
    third_namespace: str,
    tmp_path: Path,
    kubeconfig: Path,
) -> None:
    goes, stays = World(api, other_namespace), World(api, third_namespace)
    watched = (other_namespace, third_namespace)
    with running(tmp_path, kubeconfig, namespace, watchNamespaces=watched) as operator:
        begin(goes)
        stays.add(bot("one"))
        assert eventually(has(stays, 4))
        api.delete(f"/api/v1/namespaces/{goes.namespace}")
        assert eventually(lambda: not exists(api, goes.namespace), seconds=GONE), operator.tail()
        # Its watch there is refused when it reconnects, within 25 s.
        assert eventually(lambda: "restarting with" in operator.log.read_text())
        assert operator.process.poll() is None, operator.tail()
        assert eventually(lambda: operator.status("/readyz") == 200)
        stays.add(bot("two"))
        assert eventually(lambda: "trader-two" in stays.names("deployments"))

        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": goes.namespace}}
        api.post("/api/v1/namespaces", body).raise_for_status()
        service_accounts.give_rights(api, namespace, watched)
        goes.add(bot("again"))
        assert eventually(has(goes, 4)), operator.tail()
        assert operator.status("/livez") == 200


def test_a_started_operator_serves_the_namespaces_that_are_there(
    api: Api, namespace: str, other_namespace: str, tmp_path: Path, kubeconfig: Path
) -> None:
    world = World(api, other_namespace)
    service_accounts.give_rights(api, namespace, [other_namespace])
    watched = ("no-such-namespace", other_namespace)
    with running(tmp_path, kubeconfig, namespace, watchNamespaces=watched) as operator:
        world.add(bot())
        assert eventually(has(world, 4)), operator.tail()


@pytest.mark.skipif(shutil.which("helm") is None, reason="needs helm on PATH")
def test_after_the_chart_was_uninstalled_a_bot_is_deleted_at_once(
    api: Api, namespace: str, tmp_path: Path, kubeconfig: Path
) -> None:
    """The hook's own pod needs a node, so its command runs here, with its account."""
    world, chart = World(api, namespace), str(ROOT / "charts/tradebot")
    values = ("kafka.external.bootstrapServers=kafka:9092", "elasticsearch.enabled=false")
    sets = [part for value in (*values, "crds.enabled=false") for part in ("--set", value)]
    subprocess.run(["helm", "install", "tradebot", chart, "-n", namespace, *sets], check=True)
    with running(tmp_path, kubeconfig, namespace):
        begin(world)
        world.add(bot("kept"))
        assert eventually(has(world, 5))

    said = uninstall(api, namespace, kubeconfig, tmp_path)
    assert (
        said == f"TradeBot {namespace}/btc is released: deleting it no longer sells its position\n"
    )
    deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    assert api.get(f"{deployments}/tradebot-operator")["spec"]["replicas"] == 0
    subprocess.run(["helm", "uninstall", "tradebot", "-n", namespace, "--no-hooks"], check=True)
    assert {item["metadata"]["name"] for item in api.get(BOTS.format(namespace))["items"]} == {
        "btc",
        "kept",
    }
    world.remove("btc")
    assert not api.exists(world.path("btc"))


def uninstall(api: Api, namespace: str, kubeconfig: Path, folder: Path) -> str:
    """Returns the output of the uninstall hook."""
    account = service_accounts.of_operator(api, namespace, kubeconfig, folder)
    file = folder / "uninstall.json"
    file.write_text(json.dumps(configuration(namespace)))
    environment = {"KUBECONFIG": str(account), "TRADEBOT_OPERATOR_CONFIG": str(file)}
    command = [sys.executable, "-m", "tradebot_operator", "let-go", "tradebot-operator"]
    answer = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout
