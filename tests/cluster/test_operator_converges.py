"""The operator on a real API server: after any deletion, edit or kill, everything converges."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiserver import eventually
from operators import Running, configuration, running, start
from world import KINDS, World, bot, has, stages

pytestmark = pytest.mark.cluster

STAGES = ("ingest", "liquidity", "forecast", "trader")


@pytest.fixture
def operator(tmp_path: Path, kubeconfig: Path, namespace: str) -> Any:
    with running(tmp_path, kubeconfig, namespace) as started:
        yield started


def test_a_tradebot_becomes_four_stages_and_its_trader_may_speak_of_it_alone(
    world: World, operator: Running
) -> None:
    world.add(bot())
    assert eventually(has(world, 4))
    assert stages(world) == set(STAGES)
    assert world.names("roles") == world.names("rolebindings") == {"trader-btc"}
    assert eventually(lambda: world.condition("btc").get("observedGeneration") == 1)
    assert world.condition("btc")["status"] == "False"


def test_bots_share_the_feed_and_it_lives_as_long_as_one_needs_it(
    world: World, operator: Running
) -> None:
    world.add(bot("one"))
    world.add(bot("two"))
    world.add(bot("three", forecast={"horizonMinutes": 60}))
    assert eventually(has(world, 1 + 1 + 2 + 3))
    world.remove("one")
    world.remove("three")
    assert eventually(has(world, 4))
    assert "trader-two" in world.names("deployments")
    world.remove("two")
    assert eventually(has(world, 0))
    assert eventually(lambda: not world.names("configmaps"))


def test_every_child_that_is_deleted_manually_comes_back_as_it_was(
    world: World, operator: Running
) -> None:
    world.add(bot())
    assert eventually(has(world, 4))
    assert world.settled(operator)
    before = world.shape()
    for kind in KINDS:
        for name in world.names(kind):
            world.api.delete(f"{KINDS[kind].format(world.namespace)}/{name}")
    assert eventually(lambda: world.shape() == before)


STAGES = ("ingest", "liquidity", "forecast", "trader")


def a_container(world: World, path: str) -> dict[str, Any]:
    """Edits its container to trade for real."""
    found: dict[str, Any] = world.api.get(path)["spec"]["template"]["spec"]["containers"][0]
    found.setdefault("env", []).append({"name": "TRADEBOT_MODE", "value": "Live"})
    return found | {"args": ["trader", "--mode", "Live"]}


Edit = Callable[[World, str], dict[str, Any]]
EDITS: dict[str, tuple[str, str, Edit]] = {
    # by action: the kind of child, the stages that have it, and the merge patch
    **{
        f"{stage}: {what}": ("deployments", stage, edit)
        for stage in STAGES
        for what, edit in (
            (
                "replicas, label and owners",
                lambda *_: {
                    "metadata": {"labels": {"tradebot.dev/stage": "x"}, "ownerReferences": []},
                    "spec": {"replicas": 3},
                },
            ),
            (
                "container",
                lambda world, path: {
                    "spec": {"template": {"spec": {"containers": [a_container(world, path)]}}}
                },
            ),
            ("strategy", lambda *_: {"spec": {"strategy": {"type": "RollingUpdate"}}}),
        )
    },
    **{
        f"{stage}: a label of its settings": (
            "configmaps",
            stage,
            lambda *_: {"metadata": {"labels": {"tradebot.dev/unit": "x"}}},
        )
        for stage in STAGES
    },
    "role": (
        "roles",
        "trader",
        lambda *_: {"rules": [{"apiGroups": [""], "resources": ["*"], "verbs": ["get"]}]},
    ),
    "subjects": ("rolebindings", "trader", lambda *_: {"subjects": []}),
    "token": ("serviceaccounts", "trader", lambda *_: {"automountServiceAccountToken": True}),
    "account's label": (
        "serviceaccounts",
        "trader",
        lambda *_: {"metadata": {"labels": {"tradebot.dev/bot": "eth"}}},
    ),
}


def test_every_manually_edited_child_is_repaired(world: World, operator: Running) -> None:
    """Makes one edit after the other, each once the last is repaired."""
    world.add(bot())
    assert eventually(has(world, 4))
    assert world.settled(operator)
    before = world.shape()
    for what, (kind, stage, edit) in EDITS.items():
        (name,) = (name for name in world.names(kind) if name.startswith(f"{stage}-"))
        path = f"{KINDS[kind].format(world.namespace)}/{name}"
        version = world.api.get(path)["metadata"]["resourceVersion"]
        world.api.merge(path, edit(world, path)).raise_for_status()
        assert world.api.get(path)["metadata"]["resourceVersion"] != version, what
        assert eventually(lambda: world.shape() == before), (what, operator.tail())


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_child_of_a_kind_that_is_deleted_manually_comes_back_alone(
    world: World, operator: Running, kind: str
) -> None:
    world.add(bot())
    assert eventually(has(world, 4))
    assert world.settled(operator)
    before, names = world.shape(), world.names(kind)
    assert len(names) == (4 if kind in ("deployments", "configmaps") else 1)
    for name in names:
        world.api.delete(f"{KINDS[kind].format(world.namespace)}/{name}")
        assert eventually(lambda: world.shape() == before), (kind, name)


def test_a_config_cannot_be_edited_manually(world: World, operator: Running) -> None:
    world.add(bot())
    assert eventually(has(world, 4))
    name = next(name for name in world.names("configmaps") if name.startswith("trader"))
    path = f"{KINDS['configmaps'].format(world.namespace)}/{name}"
    answer = world.api.merge(path, {"data": {"TRADEBOT_MODE": "Live"}})
    assert answer.status_code == 422
    assert "immutable" in answer.text


@pytest.mark.parametrize("kind", ["configmaps", "rolebindings"])
def test_an_immutable_child_created_by_somebody_else_is_recreated(
    world: World, operator: Running, kind: str
) -> None:
    """An object under our name, as somebody would create to impose their own settings or rights."""
    world.add(bot())
    assert eventually(has(world, 4))
    assert world.settled(operator)
    before = world.shape()
    (name,) = (name for name in world.names(kind) if name.startswith("trader-"))
    path = KINDS[kind].format(world.namespace)
    theirs = world.objects(kind)[name]
    theirs["metadata"] = {key: theirs["metadata"][key] for key in ("name", "labels")}
    if kind == "configmaps":
        theirs["data"]["TRADEBOT_MODE"] = "Live"
    else:
        theirs["roleRef"] |= {"kind": "ClusterRole", "name": "view"}

    def put_in_its_place() -> bool:
        world.api.delete(f"{path}/{name}")
        return world.api.post(path, theirs).status_code == 201

    assert eventually(put_in_its_place, pause=0)
    assert eventually(lambda: world.shape() == before), operator.tail()


def test_another_manager_that_keeps_changing_a_child_is_not_answered_without_end(
    world: World, operator: Running
) -> None:
    world.add(bot())
    assert eventually(has(world, 4))
    assert world.settled(operator)
    before, shape = operator.writes(), world.shape()
    path = f"{KINDS['deployments'].format(world.namespace)}/trader-btc"
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "trader-btc"},
        "spec": {"replicas": 4},
    }
    for _ in range(60):
        world.api.apply(path, body, manager="other")
        time.sleep(0.1)
    assert operator.writes() - before < 12
    assert eventually(lambda: world.shape() == shape)


def test_a_changed_band_changes_the_trader_alone(world: World, operator: Running) -> None:
    world.add(bot())
    assert eventually(has(world, 4))
    assert world.settled(operator)
    before = {
        name: item["metadata"]["generation"] for name, item in world.objects("deployments").items()
    }
    old = next(name for name in world.names("configmaps") if name.startswith("trader"))
    world.change("btc", liquidityBand={"minBps": 6000, "maxBps": 9000})
    assert eventually(lambda: old not in world.names("configmaps"))
    after = {
        name: item["metadata"]["generation"] for name, item in world.objects("deployments").items()
    }
    assert {name for name in after if after[name] != before.get(name)} == {"trader-btc"}
    assert eventually(lambda: world.condition("btc").get("observedGeneration") == 2)


def test_a_second_bot_on_one_key_is_refused_and_starts_when_the_first_is_gone(
    world: World, operator: Running
) -> None:
    venue = {"environment": "Sandbox", "credentialsSecret": "keys"}
    world.add(bot("first", venue=venue))
    assert eventually(lambda: "trader-first" in world.names("deployments"))
    world.add(bot("second", venue=venue))
    assert eventually(lambda: world.condition("second").get("reason") == "KeysInUse")
    assert "TradeBot first" in world.condition("second")["message"]
    assert "trader-second" not in world.names("deployments")
    world.remove("first")
    assert eventually(lambda: "trader-second" in world.names("deployments"))


def test_a_bot_is_renamed_by_another_name_and_its_feed_does_not_notice(
    world: World, operator: Running
) -> None:
    world.add(bot("old"))
    assert eventually(has(world, 4))
    assert world.settled(operator)
    before = {k: v for k, v in world.generations().items() if not k.startswith("trader")}
    world.add(bot("new"))
    assert eventually(lambda: "trader-new" in world.names("deployments"))
    world.remove("old")
    assert eventually(lambda: "trader-old" not in world.names("deployments"))
    assert world.settled(operator)
    assert world.generations() == before | {"trader-new": 1}
    assert "trader-old" not in world.names("roles") | world.names("serviceaccounts")
    owners = {
        owner["name"]
        for item in world.objects("deployments").values()
        for owner in item["metadata"]["ownerReferences"]
    }
    assert owners == {"new"}


def test_of_two_edits_at_once_the_last_one_wins(world: World, operator: Running) -> None:
    world.add(bot())
    assert eventually(has(world, 4))
    for low in range(6000, 6010):
        world.change("btc", liquidityBand={"minBps": low, "maxBps": 9000})
    assert eventually(lambda: world.condition("btc").get("observedGeneration") == 11)
    assert world.settled(operator)
    (config,) = (c for n, c in world.objects("configmaps").items() if n.startswith("trader"))
    assert config["data"]["TRADEBOT_BAND_MIN_BPS"] == "6009"
    spec = world.objects("deployments")["trader-btc"]["spec"]
    assert spec["strategy"] == {"type": "Recreate"}
    container = spec["template"]["spec"]["containers"][0]
    assert container["envFrom"][0]["configMapRef"]["name"] == config["metadata"]["name"]


def test_an_environment_that_is_not_served_is_refused(world: World, operator: Running) -> None:
    world.add(bot(venue={"environment": "Production"}))
    assert eventually(lambda: world.condition("btc").get("reason") == "EnvironmentNotServed")
    assert stages(world) == set()


def test_an_operator_that_is_killed_and_started_again_writes_nothing_in_a_settled_cluster(
    world: World, tmp_path: Path, kubeconfig: Path
) -> None:
    # Unschedulable pods stay as they are: a kubelet's image pulls would cause status updates.
    waiting = {stage: {"pod": {"schedulerName": "nobody"}} for stage in STAGES}
    with running(tmp_path, kubeconfig, world.namespace, stages=waiting) as operator:
        for name in ("a", "b", "c"):
            world.add(bot(name))
        assert eventually(has(world, 6))
        assert world.settled(operator, quiet=12)
        operator.stop(signal.SIGKILL)
    with running(tmp_path, kubeconfig, world.namespace, stages=waiting) as again:
        time.sleep(4)
        assert again.writes() == 0


def test_what_was_changed_while_no_operator_ran_is_put_right(
    world: World, operator: Running, tmp_path: Path, kubeconfig: Path
) -> None:
    world.add(bot("stays"))
    world.add(bot("goes", symbol="ETHUSD"))
    assert eventually(has(world, 7))
    assert world.settled(operator)
    operator.stop(signal.SIGKILL)
    world.remove("goes")
    world.add(bot("comes", symbol="LTCUSD"))
    world.api.delete(f"{KINDS['deployments'].format(world.namespace)}/trader-stays")
    with running(tmp_path, kubeconfig, world.namespace):
        wanted = {"trader-stays", "trader-comes"}
        assert eventually(lambda: wanted <= world.names("deployments") and has(world, 7)())


def test_two_operators_by_accident_do_no_harm(
    world: World, operator: Running, tmp_path: Path, kubeconfig: Path
) -> None:
    with running(tmp_path, kubeconfig, world.namespace) as other:
        for name in ("a", "b", "c"):
            world.add(bot(name))
        assert eventually(has(world, 6))
        assert world.settled(operator) and world.settled(other)
        owners = world.objects("deployments")["trader-a"]["metadata"]["ownerReferences"]
        assert len(owners) == 1
        world.remove("a")
        world.remove("b")
        world.remove("c")
        assert eventually(has(world, 0))


def test_deleting_a_bot_that_is_to_be_flattened_ends_in_time(
    world: World, tmp_path: Path, kubeconfig: Path
) -> None:
    with running(tmp_path, kubeconfig, world.namespace, flattenSeconds=3):
        world.add(bot(deletionPolicy="Flatten"))
        assert eventually(has(world, 4))
        held = lambda: world.api.get(world.path("btc"))["metadata"].get("finalizers")  # noqa: E731
        assert eventually(held) == ["tradebot.dev/flatten"]
        world.remove("btc")
        assert world.api.exists(world.path("btc"))
        assert eventually(lambda: not world.api.exists(world.path("btc")))
        assert eventually(has(world, 0))


def test_a_bot_that_is_kept_is_deleted_at_once_also_while_no_operator_runs(world: World) -> None:
    world.add(bot())
    world.remove("btc")
    assert not world.api.exists(world.path("btc"))


def test_an_operator_is_live_ready_and_ends_cleanly(world: World, operator: Running) -> None:
    assert operator.status("/livez") == 200
    assert operator.status("/readyz") == 200
    assert operator.stop() == 0


def test_an_operator_whose_port_is_taken_ends_with_one_sentence(
    operator: Running, namespace: str, kubeconfig: Path, tmp_path: Path
) -> None:
    taken = configuration(namespace) | {"httpPort": operator.port}
    second = start(tmp_path / "second.json", kubeconfig, taken)
    assert second.process.wait(30) == 1
    assert second.tail().splitlines()[-1] == (
        f"httpPort {operator.port}: Address already in use; if another operator runs here,"
        " set another httpPort in the file named by TRADEBOT_OPERATOR_CONFIG"
    )
