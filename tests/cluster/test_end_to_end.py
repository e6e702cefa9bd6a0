"""From `helm install` and `kubectl apply` to a filled order in the documents, in real pods.

Needs a node, our images on it, and a broker that pods can reach; `make e2e` provides all of them.
Each test creates the bots that it needs, or finds them trading.
"""

import json
import os
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
from release import BROKER, MARKS, Release, installed, is_ready, run, unit_of
from rollout import Rollout

from tradebot.trader.cluster.status import FIGURES_SECONDS
from tradebot.trader.renewed_lease import Term

QUIET_SECONDS = int(os.environ.get("TRADEBOT_TEST_QUIET_SECONDS", "60"))
"""How long a settled cluster is watched, in seconds; 300 shows more."""
SETTLED_SECONDS = 20
RENEW_SECONDS = Term().renew
PAPER, LIVE = "btc-paper.yaml", "btc-emulator-live.yaml"

pytestmark = MARKS


@pytest.fixture(scope="module")
def bots(api: Api) -> Iterator[Release]:
    with installed(api) as release:
        yield release


def test_a_bot_that_is_applied_trades_and_its_fill_is_stored(
    bots: Release,
) -> None:
    name = bots.apply(PAPER)
    bots.trading(PAPER)
    fills = eventually(lambda: bots.documents("fill"), seconds=240, pause=2)
    assert fills, bots.documents("decision")[-3:]
    orders = {order["client_order_id"]: order for order in bots.documents("order")}
    assert orders[fills[0]["client_order_id"]]["mode"] == "Paper"
    assert fills[0]["bot"] == name


def test_a_record_flows_says_helm(bots: Release) -> None:
    assert "Succeeded" in run("helm", "test", "tradebot", "-n", bots.namespace)


def test_the_keys_are_mounted_into_the_trader_alone(bots: Release) -> None:
    name = bots.apply(LIVE)
    bots.trading(LIVE)
    holders = {
        pod["metadata"]["labels"].get("tradebot.dev/unit", pod["metadata"]["name"])
        for pod in bots.pods()
        if "tradebot-emulator-keys" in json.dumps(pod["spec"])
    }
    assert holders == {f"trader-{name}"}


def test_the_accounts_of_the_emulator_outlive_its_container(bots: Release) -> None:
    def restarts() -> int:
        (pod,) = [pod for pod in bots.pods() if unit_of(pod) == "emulator"]
        return int(is_ready(pod) and pod["status"]["containerStatuses"][0]["restartCount"])

    bots.trading(LIVE)
    bots.accounts('{"name": "spare", "balances": {"USD": "1"}, "keys": []}')
    before = restarts()
    end = "import os, signal; os.kill(1, signal.SIGTERM)"
    bots.kubectl("exec", "deploy/tradebot-emulator", "--", "python", "-c", end)
    assert eventually(lambda: restarts() > before)
    assert "spare" in bots.accounts()
    assert eventually(lambda: bots.trades("btc-live")), bots.condition("btc-live")


def test_a_settled_cluster_is_written_to_by_nobody(
    bots: Release, record_property: Callable[[str, object], None]
) -> None:
    """By the API server's own audit log a trader renews its Lease, and shows where its bot stands
    at most once in 30 s."""
    bots.trading(PAPER, LIVE)
    time.sleep(SETTLED_SECONDS)
    began = audit.now()
    time.sleep(QUIET_SECONDS)
    found = audit.writes(bots.namespace, began, audit.now())
    record_property(f"writes in {QUIET_SECONDS} s", dict(found))
    renewals = {
        f"trader-{name}: update leases/trader-{name}": found.pop(
            f"trader-{name}: update leases/trader-{name}", 0
        )
        for name in ("btc", "btc-live")
    }
    for name in ("btc", "btc-live"):
        shown = found.pop(f"trader-{name}: patch tradebots/{name}/status", 0)
        assert shown <= QUIET_SECONDS / FIGURES_SECONDS + 1, name
    assert not found, "nothing else is written"
    for trader, count in renewals.items():
        assert 0 < count <= QUIET_SECONDS / RENEW_SECONDS + 1, trader


def is_right(release: Release, *bots: str) -> None:
    """Checks that no trade was made twice, and that each window was decided exactly once."""
    place = (BROKER, f"{release.prefix}emulator.")
    documents = trades.told(*place, "decision", "order", "fill")
    assert [item for item in documents if item["doc_type"] == "order"]
    assert trades.wrongs(documents) == []
    measured = trades.windows(*place)
    assert {bot: trades.undecided(documents, bot, measured) for bot in bots} == {
        bot: [] for bot in bots
    }


def test_every_container_may_be_killed_in_its_place_and_trades_stay_right(bots: Release) -> None:
    bots.trading(PAPER, LIVE)
    places = [(pod, c) for pod in bots.pods() for c in pod["status"]["containerStatuses"]]
    if not all(container_process.is_here(*place) for place in places):
        pytest.skip("needs a node whose containers are processes of this machine")

    def started_again(pod: dict[str, Any], container: dict[str, Any]) -> bool:
        found = bots.api.get(f"/api/v1/namespaces/{bots.namespace}/pods/{pod['metadata']['name']}")
        (now,) = (
            item
            for item in found["status"]["containerStatuses"]
            if item["name"] == container["name"]
        )
        return is_ready(found) and now["restartCount"] > container["restartCount"]

    for pod, container in places:
        what = (unit_of(pod), container["name"])
        container_process.kill(pod, container)
        assert eventually(partial(started_again, pod, container)), what
        for name in ("btc", "btc-live"):
            assert eventually(partial(bots.trades, name)), (what, bots.condition(name))
    is_right(bots, "btc", "btc-live")


def test_every_pod_may_be_deleted_by_force_and_trades_stay_right(bots: Release) -> None:
    bots.trading(PAPER, LIVE)
    for pod in bots.pods():
        bots.kubectl("delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force")
        assert eventually(partial(bots.replaced, pod)), unit_of(pod)
        assert eventually(lambda: bots.trades("btc")), bots.condition("btc")
    is_right(bots, "btc", "btc-live")


def test_of_edits_while_a_trader_restarts_the_last_one_wins_and_never_do_two_run(
    bots: Release,
) -> None:
    def shows_the_last() -> bool:
        shown = bots.kubectl("exec", "deploy/trader-btc", "--", "printenv", "TRADEBOT_BAND_MIN_BPS")
        return shown.strip() == "6200"

    bots.trading(PAPER)
    with Rollout(bots.api, bots.namespace, "btc") as seen:
        for low in (6000, 6100, 6200):
            patch = f'{{"spec":{{"liquidityBand":{{"minBps":{low}}}}}}}'
            bots.kubectl("patch", "tradebot", "btc", "--type=merge", f"-p={patch}")
            time.sleep(2)
        assert eventually(lambda: bots.trades("btc")), bots.condition("btc")
        assert eventually(shows_the_last)
    assert seen.looks > 20 and seen.at_once == 1
    assert seen.missing == []
    is_right(bots, "btc")


def test_a_paused_bot_keeps_its_feed_warm_and_continues_when_it_is_resumed(bots: Release) -> None:
    bots.trading(PAPER)
    bots.kubectl("patch", "tradebot", "btc", "--type=merge", '-p={"spec":{"mode":"Paused"}}')
    assert eventually(lambda: bots.condition("btc").get("reason") == "Paused")
    assert bots.condition("btc", "FeedFresh")["status"] == "True"
    assert eventually(lambda: bots.condition("btc", "Halted")["reason"] == "ModePaused")
    time.sleep(3)  # for the operator's response to that
    assert bots.condition("btc")["status"] == "True", bots.condition("btc")
    bots.kubectl("patch", "tradebot", "btc", "--type=merge", '-p={"spec":{"mode":"Paper"}}')
    assert eventually(lambda: bots.trades("btc"))


def test_a_bot_that_is_to_be_flattened_sells_before_it_goes(bots: Release) -> None:
    # Its account starts with a bitcoin, which a paused bot keeps until it is deleted.
    open_account(bots, "flat", USD="1000", BTC="1")
    body = live_bot("flat")
    body["spec"] |= {"deletionPolicy": "Flatten", "mode": "Paused"}
    # By default a paused bot still follows signals to sell.
    body["spec"]["limits"] = body["spec"].get("limits", {}) | {"onBreach": "Hold"}
    bots.api.post(BOTS.format(bots.namespace), body).raise_for_status()
    assert eventually(lambda: bots.condition("flat", "Halted").get("reason") == "ModePaused")

    def sold() -> float:
        orders = [order for order in bots.documents("order") if order["bot"] == "flat"]
        return sum(order["executed_amount"] for order in orders if order["side"] == "sell")

    assert sold() == 0
    bots.kubectl("delete", "tradebot", "flat", "--timeout=240s")
    listed = bots.kubectl("get", "events", "-o", "jsonpath={.items[*].reason}")
    assert "Flattened" in listed
    assert eventually(lambda: sold() >= 1), bots.documents("order")[-3:]
    assert eventually(lambda: not [p for p in bots.pods() if unit_of(p) == "trader-flat"])


def live_bot(name: str) -> dict[str, Any]:
    """Returns a TradeBot like that of the manifest, with credentials `NAME-keys`."""
    body: dict[str, Any] = yaml.safe_load((ROOT / "manifests" / LIVE).read_text())
    body["metadata"]["name"] = name
    body["spec"]["venue"]["credentialsSecret"] = f"{name}-keys"
    return body


def open_account(bots: Release, name: str, **balances: str) -> None:
    """Opens an account at the emulator, and creates the Secret `NAME-keys` with its key."""
    key = {"key": f"account-{name}", "secret": f"{name}-secret"}
    bots.accounts(json.dumps({"name": name, "balances": balances, "keys": [key]}))
    literals = (
        f"--from-literal=api-key={key['key']}",
        f"--from-literal=api-secret={key['secret']}",
    )
    bots.kubectl("create", "secret", "generic", f"{name}-keys", *literals)


def test_a_missing_secret_shows_and_the_bot_starts_when_it_is_made(
    bots: Release,
) -> None:
    body = live_bot("late")
    body["spec"]["deletionPolicy"] = "Keep"
    bots.api.post(BOTS.format(bots.namespace), body).raise_for_status()
    assert eventually(lambda: bots.condition("late").get("reason") == "SecretMissing")
    assert "create it in this namespace" in bots.condition("late")["message"]
    open_account(bots, "late", USD="1000")
    assert eventually(lambda: bots.trades("late"), seconds=180), bots.condition("late")
    bots.kubectl("delete", "tradebot", "late", "--timeout=240s")


@pytest.mark.last
def test_the_last_bot_that_is_deleted_leaves_nothing_that_runs(bots: Release) -> None:
    bots.trading(PAPER)
    bots.kubectl("delete", "tradebots", "--all", "--timeout=240s")
    assert eventually(
        lambda: not [p for p in bots.pods() if "tradebot.dev/unit" in p["metadata"]["labels"]],
    )
