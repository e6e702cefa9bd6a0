"""From `helm install` and `kubectl apply` to a filled order in the documents, in real pods.

Needs a node, our images in it, and a broker that pods reach; `make e2e` brings all of them.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import audit
import container_process
import pytest
import trades
import yaml
from apiserver import BOTS, ROOT, Api, eventually
from rollout import Rollout

IMAGES = os.environ.get("TRADEBOT_TEST_IMAGES", "")
BROKER = os.environ.get("TRADEBOT_TEST_CLUSTER_KAFKA", "")
QUIET_SECONDS = int(os.environ.get("TRADEBOT_TEST_QUIET_SECONDS", "60"))
"""Seconds in which a settled cluster is watched; 300 shows more, and takes as long."""
SETTLED_SECONDS = 20
RENEW_SECONDS = 5
NAMESPACE = "tradebot-e2e"
PREFIX = f"e2e-{os.getpid()}."

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not (IMAGES and BROKER and shutil.which("helm") and shutil.which("kubectl")),
        reason="needs images in the cluster (TRADEBOT_TEST_IMAGES, registry:tag), a broker that"
        " pods reach (TRADEBOT_TEST_CLUSTER_KAFKA), helm and kubectl: `make e2e` brings them",
    ),
]

READ = """
import json, sqlite3
store = sqlite3.connect("file:/var/lib/tradebot/documents.sqlite?mode=ro", uri=True)
print(json.dumps([json.loads(row[0]) for row in store.execute(
    "select source from documents where doc_type = ? order by ts", ("{kind}",))]))
"""
OPEN_ACCOUNT = """
import urllib.request
body = b'{"name": "spare", "balances": {"USD": "1"}, "keys": []}'
urllib.request.urlopen("http://127.0.0.1:8090/emulator/accounts", body)
"""
ACCOUNTS = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8090/emulator/accounts").read().decode())
"""


def run(*command: str) -> str:
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert answer.returncode == 0, f"{' '.join(command)}: {answer.stderr}"
    return answer.stdout


def kubectl(*arguments: str) -> str:
    return run("kubectl", "-n", NAMESPACE, *arguments)


def documents(kind: str) -> list[dict[str, Any]]:
    target = ("exec", "deploy/tradebot-recorder-emulator", "-c", "recorder", "--")
    try:
        found = kubectl(*target, "python", "-c", READ.format(kind=kind))
    except AssertionError:
        return []  # while its pod is being replaced
    return list(json.loads(found))


class Bots:
    """The release's namespace."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def path(self, name: str) -> str:
        return f"{BOTS.format(NAMESPACE)}/{name}"

    def apply(self, file: str) -> str:
        body = yaml.safe_load((ROOT / "manifests" / file).read_text())
        kubectl("apply", "-f", str(ROOT / "manifests" / file))
        return str(body["metadata"]["name"])

    def condition(self, name: str, kind: str = "Ready") -> dict[str, Any]:
        listed = self.api.get(self.path(name)).get("status", {}).get("conditions", [])
        return next((item for item in listed if item["type"] == kind), {})

    def trades(self, name: str) -> bool:
        return self.condition(name).get("reason") == "Trading"

    def pods(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.api.get(f"/api/v1/namespaces/{NAMESPACE}/pods")["items"]
        return [pod for pod in listed if "deletionTimestamp" not in pod["metadata"]]

    def replaced(self, pod: dict[str, Any]) -> bool:
        """Whether another pod of the same unit is ready in its place."""
        return any(
            unit_of(other) == unit_of(pod)
            and other["metadata"]["uid"] != pod["metadata"]["uid"]
            and is_ready(other)
            for other in self.pods()
        )


def unit_of(pod: dict[str, Any]) -> str:
    labels = pod["metadata"]["labels"]
    return str(labels.get("tradebot.dev/unit") or labels["app.kubernetes.io/component"])


def is_ready(pod: dict[str, Any]) -> bool:
    listed = pod["status"].get("conditions", [])
    return any(item["type"] == "Ready" and item["status"] == "True" for item in listed)


@pytest.fixture(scope="module")
def bots(api: Api) -> Iterator[Bots]:
    """The chart, installed in a namespace of the restricted level."""
    registry, tag = IMAGES.rsplit(":", 1)
    body = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": NAMESPACE,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    }
    api.post("/api/v1/namespaces", body)
    values = {
        "images.registry": registry,
        "images.tag": tag,
        "kafka.external.bootstrapServers": BROKER,
        "topics.prefix": PREFIX,
        "elasticsearch.enabled": "false",
        "emulator.enabled": "true",
        "emulator.speed": "30",
        "crds.enabled": "false",
    }
    sets = [part for key, value in values.items() for part in ("--set", f"{key}={value}")]
    run("helm", "install", "tradebot", str(ROOT / "charts/tradebot"), "-n", NAMESPACE, *sets)
    yield Bots(api)
    subprocess.run(["kubectl", "-n", NAMESPACE, "delete", "tradebots", "--all", "--timeout=120s"])
    subprocess.run(["helm", "uninstall", "tradebot", "-n", NAMESPACE], capture_output=True)
    api.delete(f"/api/v1/namespaces/{NAMESPACE}")


def test_a_bot_that_is_applied_trades_within_two_minutes_and_its_fill_is_stored(
    bots: Bots,
) -> None:
    name = bots.apply("btc-paper.yaml")
    assert eventually(lambda: bots.trades(name), seconds=120), bots.condition(name)
    fills = eventually(lambda: documents("fill"), seconds=240, pause=2)
    assert fills, documents("decision")[-3:]
    orders = {order["client_order_id"]: order for order in documents("order")}
    assert orders[fills[0]["client_order_id"]]["mode"] == "Paper"
    assert fills[0]["bot"] == name


def test_a_record_flows_says_helm(bots: Bots) -> None:
    assert "Succeeded" in run("helm", "test", "tradebot", "-n", NAMESPACE)


def test_the_keys_are_mounted_into_the_trader_alone(bots: Bots) -> None:
    name = bots.apply("btc-emulator-live.yaml")
    assert eventually(lambda: bots.trades(name), seconds=120), bots.condition(name)
    holders = {
        pod["metadata"]["labels"].get("tradebot.dev/unit", pod["metadata"]["name"])
        for pod in bots.pods()
        if "tradebot-emulator-keys" in json.dumps(pod["spec"])
    }
    assert holders == {f"trader-{name}"}


def test_the_accounts_of_the_emulator_outlive_its_container(bots: Bots) -> None:
    def emulator(*command: str) -> str:
        return kubectl("exec", "deploy/tradebot-emulator", "--", *command)

    def restarts() -> int:
        (pod,) = [pod for pod in bots.pods() if unit_of(pod) == "emulator"]
        return int(is_ready(pod) and pod["status"]["containerStatuses"][0]["restartCount"])

    emulator("python", "-c", OPEN_ACCOUNT)
    before = restarts()
    emulator("python", "-c", "import os, signal; os.kill(1, signal.SIGTERM)")
    assert eventually(lambda: restarts() > before, seconds=60)
    assert "spare" in emulator("python", "-c", ACCOUNTS)
    assert eventually(lambda: bots.trades("btc-live"), seconds=60), bots.condition("btc-live")


def test_a_settled_cluster_is_written_to_by_nobody(
    bots: Bots, record_property: Callable[[str, object], None]
) -> None:
    """The API server's own audit log says who writes: traders renew their Leases, and that is
    all.
    """
    assert eventually(lambda: bots.trades("btc") and bots.trades("btc-live"), seconds=60)
    time.sleep(SETTLED_SECONDS)
    began = audit.now()
    time.sleep(QUIET_SECONDS)
    found = audit.writes(NAMESPACE, began, audit.now())
    record_property(f"writes in {QUIET_SECONDS} s", dict(found))
    renewals = {
        f"trader-{name}: update leases/trader-{name}": found.pop(
            f"trader-{name}: update leases/trader-{name}", 0
        )
        for name in ("btc", "btc-live")
    }
    assert not found, "beside the renewals nothing is written"
    for trader, count in renewals.items():
        assert 0 < count <= QUIET_SECONDS / RENEW_SECONDS + 1, trader


def is_right(*bots: str) -> None:
    """No trade was made twice, and each window was decided once and none left out."""
    place = (BROKER, f"{PREFIX}emulator.")
    documents = trades.told(*place, "decision", "order", "fill")
    assert [item for item in documents if item["doc_type"] == "order"]
    assert trades.wrongs(documents) == []
    measured = trades.windows(*place)
    assert {bot: trades.undecided(documents, bot, measured) for bot in bots} == {
        bot: [] for bot in bots
    }


def test_every_container_may_be_killed_in_its_place_and_trades_stay_right(bots: Bots) -> None:
    places = [(pod, c) for pod in bots.pods() for c in pod["status"]["containerStatuses"]]
    if not all(container_process.is_here(*place) for place in places):
        pytest.skip("needs a node whose containers are processes of this machine")

    def started_again(pod: dict[str, Any], container: dict[str, Any]) -> bool:
        found = bots.api.get(f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}")
        (now,) = (
            item
            for item in found["status"]["containerStatuses"]
            if item["name"] == container["name"]
        )
        return is_ready(found) and now["restartCount"] > container["restartCount"]

    for pod, container in places:
        what = (unit_of(pod), container["name"])
        container_process.kill(pod, container)
        assert eventually(partial(started_again, pod, container), seconds=90), what
        for name in ("btc", "btc-live"):
            assert eventually(partial(bots.trades, name), seconds=90), (what, bots.condition(name))
    is_right("btc", "btc-live")


def test_every_pod_may_be_deleted_by_force_and_trades_stay_right(bots: Bots) -> None:
    for pod in bots.pods():
        kubectl("delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force")
        assert eventually(partial(bots.replaced, pod), seconds=90), unit_of(pod)
        assert eventually(lambda: bots.trades("btc"), seconds=90), bots.condition("btc")
    is_right("btc", "btc-live")


def test_of_edits_while_a_trader_restarts_the_last_one_wins_and_never_do_two_run(
    bots: Bots,
) -> None:
    def shows_the_last() -> bool:
        shown = kubectl("exec", "deploy/trader-btc", "--", "printenv", "TRADEBOT_BAND_MIN_BPS")
        return shown.strip() == "6200"

    with Rollout(bots.api, NAMESPACE, "btc") as seen:
        for low in (6000, 6100, 6200):
            patch = f'{{"spec":{{"liquidityBand":{{"minBps":{low}}}}}}}'
            kubectl("patch", "tradebot", "btc", "--type=merge", f"-p={patch}")
            time.sleep(2)
        assert eventually(lambda: bots.trades("btc"), seconds=90), bots.condition("btc")
        assert eventually(shows_the_last, seconds=30)
    assert seen.looks > 20 and seen.at_once == 1
    assert seen.missing == []
    is_right("btc")


def test_a_paused_bot_keeps_its_feed_warm_and_goes_on_when_it_is_resumed(bots: Bots) -> None:
    kubectl("patch", "tradebot", "btc", "--type=merge", '-p={"spec":{"mode":"Paused"}}')
    assert eventually(lambda: bots.condition("btc").get("reason") == "Paused", seconds=60)
    assert bots.condition("btc", "FeedFresh")["status"] == "True"
    assert eventually(lambda: bots.condition("btc", "Halted")["reason"] == "ModePaused")
    time.sleep(3)  # the operator answers to that, too
    assert bots.condition("btc")["status"] == "True", bots.condition("btc")
    kubectl("patch", "tradebot", "btc", "--type=merge", '-p={"spec":{"mode":"Paper"}}')
    assert eventually(lambda: bots.trades("btc"), seconds=60)


def test_a_bot_that_is_to_be_flattened_sells_before_it_goes(bots: Bots) -> None:
    def sold() -> float:
        orders = [order for order in documents("order") if order["bot"] == "btc-live"]
        return sum(order["executed_amount"] for order in orders if order["side"] == "sell")

    before = sold()
    kubectl("delete", "tradebot", "btc-live", "--timeout=90s")
    listed = kubectl("get", "events", "-o", "jsonpath={.items[*].reason}")
    assert "Flattened" in listed
    assert eventually(lambda: sold() > before, seconds=20), documents("order")[-3:]
    assert eventually(
        lambda: not [p for p in bots.pods() if "btc-live" in p["metadata"]["name"]], seconds=60
    )


def test_a_missing_secret_shows_within_fifteen_seconds_and_the_bot_starts_when_it_is_made(
    bots: Bots,
) -> None:
    body = yaml.safe_load((ROOT / "manifests/btc-emulator-live.yaml").read_text())
    body["metadata"]["name"] = "late"
    body["spec"]["venue"]["credentialsSecret"] = "late-keys"
    body["spec"]["deletionPolicy"] = "Keep"
    bots.api.post(BOTS.format(NAMESPACE), body).raise_for_status()
    assert eventually(lambda: bots.condition("late").get("reason") == "SecretMissing", seconds=15)
    assert "create it in this namespace" in bots.condition("late")["message"]
    keys = ("--from-literal=api-key=account-demo", "--from-literal=api-secret=demo-secret")
    kubectl("create", "secret", "generic", "late-keys", *keys)
    assert eventually(lambda: bots.trades("late"), seconds=180), bots.condition("late")
    kubectl("delete", "tradebot", "late", "--timeout=60s")


def test_a_bot_that_is_deleted_leaves_nothing_that_runs(bots: Bots) -> None:
    kubectl("delete", "tradebot", "btc", "--timeout=60s")
    assert eventually(
        lambda: not [p for p in bots.pods() if "tradebot.dev/unit" in p["metadata"]["labels"]],
        seconds=60,
    )


def test_uninstalling_lets_a_bot_go_that_was_to_be_flattened_and_its_namespace_with_it(
    bots: Bots,
) -> None:
    name = bots.apply("btc-emulator-live.yaml")
    assert eventually(lambda: bots.api.get(bots.path(name))["metadata"].get("finalizers"))
    run("helm", "uninstall", "tradebot", "-n", NAMESPACE)
    assert "finalizers" not in bots.api.get(bots.path(name))["metadata"]
    left = bots.api.get(f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs")["items"]
    assert not left, "the cleanup before an uninstall leaves nothing behind"
    kubectl("delete", "tradebot", name, "--timeout=5s")
    bots.api.delete(f"/api/v1/namespaces/{NAMESPACE}")
    gone = lambda: not bots.api.exists(f"/api/v1/namespaces/{NAMESPACE}")  # noqa: E731
    assert eventually(gone, seconds=90)
