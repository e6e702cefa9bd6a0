"""updatePolicy Manual on a real API server: an edit shows, waits, and takes effect on a restart."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from apiserver import eventually
from operators import running
from world import World, bot, has

pytestmark = pytest.mark.cluster


def slippage(world: World) -> str:
    """The slippage that the trader's Deployment would start with."""
    trader = world.objects("deployments")["trader-btc"]["spec"]["template"]["spec"]
    name = trader["containers"][0]["envFrom"][0]["configMapRef"]["name"]
    return str(world.objects("configmaps")[name]["data"]["TRADEBOT_SLIPPAGE_BPS"])


def drift(world: World, status: str) -> Any:
    return eventually(
        lambda: (
            world.condition("btc", "ConfigDrift").get("status") == status
            and world.condition("btc", "ConfigDrift")
        )
    )


def test_an_edit_waits_for_kubectl_tradebot_restart(
    world: World, kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    with running(tmp_path, kubeconfig, world.namespace):
        world.add(bot(updatePolicy="Manual"))
        assert eventually(has(world, 4))
        assert drift(world, "False")["reason"] == "UpToDate"
        before = world.generations()
        world.change("btc", orders={"slippageBps": 5})
        waits = drift(world, "True")
        assert "trader (spec.orders.slippageBps: 10 -> 5)" in waits["message"]
        assert world.generations() == before and slippage(world) == "10"

    with running(tmp_path, kubeconfig, world.namespace) as operator:
        assert world.settled(operator)
        assert world.generations() == before, "another operator applied what waits"
        restart = ("-n", world.namespace, "restart", "btc")
        plugin = "from tradebot.kubectl.command import main; main()"
        command = [sys.executable, "-c", plugin, *restart]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert "applying generation 2: trader (spec.orders.slippageBps: 10 -> 5)" in told
        assert drift(world, "False")
        assert eventually(lambda: slippage(world) == "5")
        changed = {name for name, count in world.generations().items() if count != before[name]}
        assert changed == {"trader-btc"}
