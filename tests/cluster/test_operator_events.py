"""Events report a bot's transitions, and nothing else."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import actors
import pytest
from apiserver import eventually
from operators import Running, running
from world import World, bot, has

pytestmark = pytest.mark.cluster


@pytest.fixture
def operator(tmp_path: Path, kubeconfig: Path, namespace: str) -> Iterator[Running]:
    with running(tmp_path, kubeconfig, namespace, stages=actors.NOBODY) as started:
        yield started


def told(world: World) -> list[tuple[str, str, int]]:
    """Returns type, reason and count of each Event about a bot, in order."""
    items: list[dict[str, Any]] = world.api.get(f"/api/v1/namespaces/{world.namespace}/events")[
        "items"
    ]
    found = [item for item in items if item["involvedObject"]["kind"] == "TradeBot"]
    found.sort(key=lambda item: int(item["metadata"]["resourceVersion"]))
    return [(item["type"], item["reason"], item["count"]) for item in found]


def test_over_a_bots_life_each_transition_is_one_event(world: World, operator: Running) -> None:
    def says(reason: str) -> bool:
        return bool(eventually(lambda: world.condition("btc").get("reason") == reason))

    def trader(message: str = "seen", **conditions: str) -> None:
        actors.play_trader(world.api, world.namespace, "btc", message, **conditions)

    life = [("Normal", "Trading", 1)]
    world.add(bot())
    assert eventually(has(world, 4))
    pods = f"/api/v1/namespaces/{world.namespace}/pods"
    assert eventually(lambda: len(world.api.get(pods)["items"]) == 4)
    actors.play_kubelet(world.api, world.namespace)
    trader()
    assert says("Trading")
    assert eventually(lambda: told(world) == life), told(world)

    for seconds in range(3):  # the trader's sentences change, but not their meaning
        trader(message=f"the feed is {seconds} s old")
        time.sleep(0.7)
    assert told(world) == life

    trader(message="no record for 30 s", FeedFresh="False")
    assert says("Seen")
    life += [("Warning", "Seen", 1)]
    for seconds in range(31, 34):
        trader(message=f"no record for {seconds} s", FeedFresh="False")
        time.sleep(0.7)
    assert eventually(lambda: told(world) == life), told(world)

    trader()
    assert says("Trading")
    world.change("btc", mode="Paused")
    assert eventually(lambda: len(world.api.get(pods)["items"]) == 4)
    assert eventually(lambda: says_paused(world))
    life += [("Normal", "Trading", 1), ("Normal", "Paused", 1)]
    assert eventually(lambda: told(world) == life), told(world)

    world.remove("btc")
    assert eventually(has(world, 0))
    assert told(world) == life, "that it was deleted is no news to the one who did it"


def says_paused(world: World) -> bool:
    """Whether the restarted trader is set to run, and the bot reports paused."""
    actors.play_kubelet(world.api, world.namespace)
    return world.condition("btc").get("reason") == "Paused"
