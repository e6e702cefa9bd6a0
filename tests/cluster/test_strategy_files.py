"""A strategy in a ConfigMap, on a real API server: it is created, edited and deleted."""

from pathlib import Path
from typing import Any

import pytest
from apiserver import eventually
from operators import Running, running
from world import World, bot, has, stages

pytestmark = pytest.mark.cluster

ARRAYS = "def signals(bars, fast=12):\n    ...\n"
CLASS = "class Mine:\n    def on_bar(self, market):\n        ...\n"


@pytest.fixture
def operator(tmp_path: Path, kubeconfig: Path, namespace: str) -> Any:
    with running(tmp_path, kubeconfig, namespace) as started:
        yield started


def config_maps(world: World) -> str:
    return f"/api/v1/namespaces/{world.namespace}/configmaps"


def publish(world: World, text: str) -> None:
    """Creates the ConfigMap like `kubectl create configmap`: without our labels."""
    body = {"metadata": {"name": "sma"}, "data": {"strategy.py": text}}
    world.api.post(config_maps(world), body).raise_for_status()


def edit(world: World, text: str) -> None:
    path = f"{config_maps(world)}/sma"
    world.api.merge(path, {"data": {"strategy.py": text}}).raise_for_status()


def following(name: str = "btc", **strategy: Any) -> dict[str, Any]:
    return bot(name, strategy={"file": {"configMap": "sma"}} | strategy)


def strategies(world: World) -> dict[str, str]:
    """Returns the digest of the code that each strategy's Deployment runs."""
    return {
        name: item["spec"]["template"]["metadata"]["annotations"]["tradebot.dev/strategy-digest"]
        for name, item in world.objects("deployments").items()
        if name.startswith("strategy-")
    }


def found(world: World, reason: str, name: str = "btc") -> bool:
    return bool(eventually(lambda: world.condition(name, "StrategyFound").get("reason") == reason))


def test_a_bot_holds_until_its_strategy_is_there_and_again_when_it_is_gone(
    world: World, operator: Running
) -> None:
    world.add(following())
    assert found(world, "ConfigMapMissing")
    ready = world.condition("btc")
    assert (ready["status"], ready["reason"]) == ("False", "ConfigMapMissing")
    assert "kubectl create configmap sma --from-file=strategy.py" in ready["message"]
    assert eventually(has(world, 4))
    assert stages(world) == {"ingest", "liquidity", "forecast", "trader"}
    publish(world, ARRAYS)
    assert found(world, "Found")
    assert eventually(has(world, 5))
    world.api.delete(f"{config_maps(world)}/sma")
    assert found(world, "ConfigMapMissing")
    assert eventually(has(world, 4))


def test_an_edit_restarts_the_strategy_of_every_bot_that_shares_it_and_nothing_else(
    world: World, operator: Running
) -> None:
    publish(world, ARRAYS)
    world.add(following("one"))
    world.add(following("two"))
    world.add(following("three", parameters={"fast": 13}))
    assert eventually(lambda: len(strategies(world)) == 2)
    assert world.settled(operator)
    before, generations = strategies(world), world.generations()
    edit(world, ARRAYS + "# edited\n")
    assert eventually(lambda: not set(strategies(world).values()) & set(before.values()))
    assert set(strategies(world)) == set(before)
    assert world.settled(operator)
    changed = {name for name, number in world.generations().items() if generations[name] != number}
    assert changed == set(before)


def test_a_strategy_that_becomes_a_class_is_no_longer_shared(
    world: World, operator: Running
) -> None:
    publish(world, ARRAYS)
    world.add(following("one"))
    world.add(following("two"))
    assert eventually(lambda: len(strategies(world)) == 1)
    edit(world, CLASS)
    assert eventually(lambda: len(strategies(world)) == 2)


def test_the_column_shows_which_strategy_a_bot_follows(world: World, operator: Running) -> None:
    world.add(bot("report"))
    world.add(following("mine"))

    def shown(name: str) -> str:
        return str(world.api.get(world.path(name)).get("status", {}).get("strategy"))

    assert eventually(lambda: shown("report") == "Report")
    assert eventually(lambda: shown("mine") == "sma/strategy.py")
