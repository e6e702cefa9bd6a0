"""What tools of delivery make of a status: Argo CD by the script in the docs, Flux by kstatus."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import lupa
import pytest
import yaml

from tradebot_operator import status
from tradebot_operator.pods import Trouble, UnitState
from tradebot_operator.resource import parse
from tradebot_operator.stages.table import units

ROOT: Final = Path(__file__).parents[3]
NOW: Final = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
REPORTED: Final = {
    "Reconciled": ("True", "Reconciled"),
    "FeedFresh": ("True", "Fresh"),
    "WindowsFresh": ("True", "Fresh"),
    "ModelFresh": ("True", "Fresh"),
    "Halted": ("False", "NotHalted"),
}
HALTED: Final = REPORTED | {"Halted": ("True", "DailyLoss")}
PAUSED: Final = REPORTED | {"Halted": ("True", "ModePaused")}
STALE: Final = REPORTED | {"FeedFresh": ("False", "FeedStalled")}
RUNNING: Final = UnitState(running=True, ready=True)
STARTING: Final = UnitState(
    running=False, ready=False, trouble=Trouble("StagesStarting", "it starts")
)
CRASHING: Final = UnitState(running=False, ready=False, trouble=Trouble("CrashLoop", "it ended"))
IN_USE: Final = Trouble("KeysInUse", "another bot uses the keys")


def shown(
    reported: dict[str, tuple[str, str]],
    state: UnitState = RUNNING,
    refusal: Trouble | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """A TradeBot with the status that the operator and the trader have written."""
    conditions = [
        {"type": kind, "status": value, "reason": reason, "message": "as the trader says"}
        | {"lastTransitionTime": "2026-01-01T00:00:00Z"}
        for kind, (value, reason) in reported.items()
    ]
    body: dict[str, Any] = {
        "apiVersion": "tradebot.dev/v1alpha1",
        "kind": "TradeBot",
        "metadata": {"namespace": "bots", "name": "btc", "uid": "u", "generation": 2}
        | {"creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"symbol": "BTCUSD"} | spec,
        "status": {"observedGeneration": 2, "conditions": conditions},
    }
    bot = parse(body)
    waiting = {"trader": ["spec.orders.slippageBps: 10 -> 5"]} if bot.applied else None
    found = [(unit, state) for unit in units(bot)]
    own = status.conditions(bot, refusal, found, {}, NOW, waiting=waiting)
    body["status"]["conditions"] = conditions + own
    return body


def edited() -> dict[str, Any]:
    body = shown(REPORTED)
    body["metadata"]["generation"] = 3
    return body


def new() -> dict[str, Any]:
    """A TradeBot that no operator has seen: the API server fills in the schema's default."""
    crd = ROOT / "charts/tradebot/files/crds/tradebots.tradebot.dev.yaml"
    schema = yaml.safe_load(crd.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    body = shown(REPORTED)
    return body | {"status": schema["properties"]["status"]["default"]}


def deleted() -> dict[str, Any]:
    body = shown(REPORTED)
    body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return body


PHASES: Final[dict[str, tuple[dict[str, Any], str, str]]] = {
    # phase: the TradeBot, what kstatus computes, what Argo CD shows
    "new": (new(), "InProgress", "Progressing"),
    "starting": (shown({}, STARTING), "InProgress", "Progressing"),
    "waiting for the trader": (shown({}), "InProgress", "Progressing"),
    "trading": (shown(REPORTED), "Current", "Healthy"),
    "edited": (edited(), "InProgress", "Progressing"),
    "stale feed": (shown(STALE), "InProgress", "Progressing"),
    "halted": (shown(HALTED), "Failed", "Degraded"),
    "crashing": (shown(REPORTED, CRASHING), "Failed", "Degraded"),
    "refused": (shown({}, refusal=IN_USE), "Failed", "Degraded"),
    "paused": (shown(PAUSED, mode="Paused"), "Current", "Suspended"),
    "an edit waits": (shown(REPORTED, updatePolicy="Manual"), "Current", "Suspended"),
}


def kstatus(body: dict[str, Any]) -> str:
    """Computes a status by the rules of sigs.k8s.io/cli-utils/pkg/kstatus for custom resources."""
    meta, found = body["metadata"], body.get("status", {})
    if "deletionTimestamp" in meta:
        return "Terminating"
    if found.get("observedGeneration", meta["generation"]) != meta["generation"]:
        return "InProgress"
    conditions = {item["type"]: item["status"] for item in found.get("conditions", [])}
    if conditions.get("Reconciling") == "True":
        return "InProgress"
    if conditions.get("Stalled") == "True":
        return "Failed"
    return "Current" if conditions.get("Ready", "True") == "True" else "InProgress"


def argo(body: dict[str, Any]) -> tuple[str, str]:
    """Runs the docs' health script as Argo CD does."""
    page = (ROOT / "docs/kubernetes.md").read_text()
    (snippet,) = re.findall(r"```yaml\n(# argocd-cm.*?)```", page, re.S)
    script = yaml.safe_load(snippet)["data"]["resource.customizations.health.tradebot.dev_TradeBot"]
    lua = lupa.LuaRuntime(unpack_returned_tuples=True)
    lua.globals().obj = lua.table_from(body, recursive=True)
    health = lua.execute(script)
    return health["status"], health["message"]


@pytest.mark.parametrize("phase", PHASES)
def test_flux_reads_the_phase_by_kstatus(phase: str) -> None:
    body, expected, _ = PHASES[phase]
    assert kstatus(body) == expected


@pytest.mark.parametrize("phase", PHASES)
def test_argo_cd_shows_the_phase_by_the_script_of_the_docs(phase: str) -> None:
    body, _, expected = PHASES[phase]
    health, message = argo(body)
    assert health == expected
    assert message


def test_a_deleted_bot_is_terminating_and_argo_cd_does_not_call_it_healthy() -> None:
    assert kstatus(deleted()) == "Terminating"


def test_argo_cd_s_message_is_the_reason_in_a_sentence() -> None:
    assert "Halted: as the trader says" in argo(shown(HALTED))[1]
    assert "kubectl tradebot restart btc" in argo(shown(REPORTED, updatePolicy="Manual"))[1]
