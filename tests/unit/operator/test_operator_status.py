"""A TradeBot's status, from its Deployments, pods and the trader's own report."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tradebot_operator import status
from tradebot_operator.events import trouble_of
from tradebot_operator.pods import Trouble, UnitState, unit_state
from tradebot_operator.resource import Condition, Spec, TradeBot, parse
from tradebot_operator.stages.table import units

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
DEPLOYMENT = {
    "metadata": {"generation": 2},
    "status": {"observedGeneration": 2, "updatedReplicas": 1},
}


def pod(*, ready: bool = False, scheduled: bool = True, **container: Any) -> dict[str, Any]:
    conditions = [
        {"type": "PodScheduled", "status": "True"}
        if scheduled
        else {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient memory.",
        },
        {"type": "Ready", "status": "True" if ready else "False"},
    ]
    listed = [{"image": "services:1", "state": {}} | container] if container else []
    return {
        "metadata": {"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "status": {"conditions": conditions, "containerStatuses": listed},
    }


RUNNING = {"state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
YOUNG = {"state": {"running": {"startedAt": "2026-01-01T11:59:40Z"}}}


def crashed(message: str, **extra: Any) -> dict[str, Any]:
    ended = {"exitCode": 1, "message": message, "finishedAt": "2026-01-01T11:59:50Z"} | extra
    return {
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": ended},
    }


@pytest.mark.parametrize(
    ("seen", "reason", "words"),
    [
        ([], "StagesStarting", "trader is starting"),
        ([pod(scheduled=False)], "Unschedulable", "Insufficient memory"),
        (
            [pod(state={"waiting": {"reason": "ImagePullBackOff", "message": "Back-off"}})],
            "ImagePullFailed",
            "image services:1: ",
        ),
        (
            [pod(**crashed('INFO go\n{"event": "no Kafka broker responds at k:9092"}\n'))],
            "CrashLoop",
            "trader exited: no Kafka broker responds at k:9092",
        ),
        ([pod(**crashed("", reason="OOMKilled"))], "OutOfMemory", "raise its memory limit"),
        (
            [pod(state={"waiting": {"reason": "CreateContainerConfigError", "message": "no key"}})],
            "ContainerRefused",
            "no key",
        ),
        ([pod(state={"waiting": {"reason": "ContainerCreating"}})], "StagesStarting", "starting"),
        ([pod(**RUNNING)], "StageNotReady", "kubectl logs p"),
        ([pod(**YOUNG)], "StagesStarting", "becoming ready"),
    ],
)
def test_a_pod_that_does_not_work_says_why(seen: list[Any], reason: str, words: str) -> None:
    state = unit_state("trader", DEPLOYMENT, seen, NOW)
    assert state.trouble is not None
    assert state.trouble.reason == reason
    assert words in state.trouble.message
    assert not state.ready


def test_a_container_that_crashed_a_moment_ago_still_crashes_though_it_runs_again() -> None:
    again = crashed("lost") | RUNNING
    state = unit_state("ingest", DEPLOYMENT, [pod(**again)], NOW)
    assert state.trouble is not None and state.trouble.reason == "CrashLoop"
    later = unit_state("ingest", DEPLOYMENT, [pod(**again)], NOW + timedelta(minutes=2))
    assert later.trouble is not None and later.trouble.reason == "StageNotReady"


def test_a_ready_pod_of_the_wanted_configuration_is_ready() -> None:
    state = unit_state("ingest", DEPLOYMENT, [pod(ready=True, **RUNNING)], NOW)
    assert state == UnitState(running=True, ready=True, pods_ready=1)


def test_a_standby_that_has_no_node_leaves_its_trader_ready() -> None:
    older, newer = pod(ready=True, **RUNNING), pod(scheduled=False)
    newer["metadata"]["creationTimestamp"] = "2026-01-01T01:00:00Z"
    state = unit_state("trader", DEPLOYMENT, [newer, older], NOW)
    assert state.running and state.ready and state.trouble is None and state.pods_ready == 1
    assert state.other is not None and "Insufficient memory" in state.other.message


def test_a_pod_of_the_old_configuration_does_not_count() -> None:
    old = {"metadata": {"generation": 3}, "status": DEPLOYMENT["status"]}
    state = unit_state("ingest", old, [pod(ready=True, **RUNNING)], NOW)
    assert not state.running


def test_a_pod_that_admission_refuses_is_reported() -> None:
    condition = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    seen = {"metadata": {}, "status": {"conditions": [condition]}}
    state = unit_state("ingest", seen, [], NOW)
    assert state.trouble is not None and "exceeded quota" in state.trouble.message


def test_the_events_of_a_waiting_pod_name_a_missing_secret() -> None:
    message = 'MountVolume.SetUp failed for volume "keys" : secret "btc-keys" not found'
    trouble = trouble_of("trader", [{"reason": "FailedMount", "message": message}])
    assert trouble is not None and trouble.reason == "SecretMissing"
    assert "create it in this namespace" in trouble.message
    assert trouble_of("trader", [{"reason": "Scheduled", "message": "ok"}]) is None


def bot(mode: str = "Paper", generation: int = 1, **reported: tuple[str, str]) -> TradeBot:
    listed = [
        {
            "type": kind,
            "status": state,
            "reason": reason,
            "message": "said",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        for kind, (state, reason) in reported.items()
    ]
    return parse(
        {
            "metadata": {
                "namespace": "bots",
                "name": "btc",
                "uid": "u",
                "generation": generation,
                "creationTimestamp": "2026-01-01T00:00:00Z",
            },
            "spec": {"symbol": "BTCUSD", "mode": mode},
            "status": {"observedGeneration": 1, "conditions": listed},
        }
    )


GOOD = {
    "Reconciled": ("True", "Reconciled"),
    "FeedFresh": ("True", "Fresh"),
    "WindowsFresh": ("True", "Fresh"),
    "ModelFresh": ("True", "Fresh"),
    "Halted": ("False", "NotHalted"),
}


def ready(of: TradeBot, refused: Trouble | None = None, **states: UnitState) -> tuple[str, str]:
    well = UnitState(running=True, ready=True)
    found = [(unit, states.get(unit.stage, well)) for unit in units(of)]
    made = {item["type"]: item for item in status.conditions(of, refused, found, {}, NOW)}
    return made["Ready"]["status"], made["Ready"]["reason"]


BROKEN = UnitState(running=False, ready=False, trouble=Trouble("CrashLoop", "x"))
STARTING = UnitState(running=False, ready=False, trouble=Trouble("StagesStarting", "x"))
UNREADY = UnitState(running=True, ready=False, trouble=Trouble("StageNotReady", "x"))


@pytest.mark.parametrize(
    ("reported", "states", "expected"),
    [
        ({}, {}, ("False", "TraderStarting")),
        (GOOD, {}, ("True", "Trading")),
        (GOOD, {"ingest": BROKEN}, ("False", "CrashLoop")),
        (GOOD | {"Halted": ("True", "DailyLoss")}, {}, ("False", "DailyLoss")),
        (GOOD | {"Halted": ("True", "DailyLoss")}, {"trader": UNREADY}, ("False", "DailyLoss")),
        (GOOD | {"FeedFresh": ("False", "FeedSilent")}, {}, ("False", "FeedSilent")),
        (GOOD | {"ModelFresh": ("False", "NoForecast")}, {}, ("False", "NoForecast")),
        (GOOD | {"WindowsFresh": ("False", "WindowsSilent")}, {}, ("False", "WindowsSilent")),
        (
            GOOD | {"ModelFresh": ("False", "NoForecast")},
            {"forecast": UNREADY},
            ("False", "StageNotReady"),
        ),
        (GOOD | {"Halted": ("True", "DailyLoss")}, {"trader": BROKEN}, ("False", "CrashLoop")),
        ({}, {"ingest": STARTING, "trader": BROKEN}, ("False", "CrashLoop")),
        ({}, {"liquidity": UNREADY, "trader": BROKEN}, ("False", "CrashLoop")),
        ({}, {"ingest": STARTING, "liquidity": UNREADY}, ("False", "StagesStarting")),
    ],
)
def test_ready_names_the_cause_before_its_effects(
    reported: dict[str, tuple[str, str]], states: dict[str, UnitState], expected: tuple[str, str]
) -> None:
    assert ready(bot(**reported), **states) == expected


def test_a_paused_bot_that_is_well_is_ready_and_says_that_it_is_paused() -> None:
    told = GOOD | {"Halted": ("True", "ModePaused")}
    assert ready(bot(mode="Paused", **told)) == ("True", "Paused")


def test_a_paused_bot_that_was_halted_or_paused_by_a_person_before_says_that_first() -> None:
    for reason in ("LimitReached", "Paused"):
        told = GOOD | {"Halted": ("True", reason)}
        assert ready(bot(mode="Paused", **told)) == ("False", reason)


def test_a_refused_bot_says_why() -> None:
    assert ready(bot(**GOOD), Trouble("KeysInUse", "x")) == ("False", "KeysInUse")


def test_nothing_is_written_while_nothing_changes() -> None:
    first = bot(**GOOD)
    found = [(unit, UnitState(running=True, ready=True)) for unit in units(first)]
    made = status.conditions(first, None, found, {}, NOW)
    assert status.changed(first, made)
    ours = tuple(msgspec.convert(item, Condition) for item in made)
    said = {"conditions": (*first.conditions, *ours), "shown_strategy": "Report"}
    shown = msgspec.structs.replace(first, **said)
    later = status.conditions(shown, None, found, {}, NOW + timedelta(hours=1))
    assert not status.changed(shown, later)
    assert later[0]["lastTransitionTime"] == made[0]["lastTransitionTime"]


def test_a_new_generation_is_acknowledged() -> None:
    assert status.changed(bot(generation=2, **GOOD), [])


@pytest.mark.parametrize(
    ("found", "reconciling", "stalled"),
    [
        (bot(**GOOD), "False", "False"),
        (bot(mode="Paused", **GOOD | {"Halted": ("True", "ModePaused")}), "False", "False"),
        (bot(), "True", "False"),
        (bot(**GOOD | {"FeedFresh": ("False", "FeedSilent")}), "True", "False"),
        (bot(**GOOD | {"Halted": ("True", "LimitReached")}), "False", "True"),
    ],
)
def test_tools_of_delivery_learn_whether_to_wait_or_to_call_a_person(
    found: TradeBot, reconciling: str, stalled: str
) -> None:
    assert of_delivery(found) == (reconciling, stalled)


def standby(found: TradeBot, **state: Any) -> tuple[str, str] | None:
    seen = [(unit, UnitState(running=True, ready=True)) for unit in units(found)]
    seen[-1] = (seen[-1][0], UnitState(running=True, ready=True, **state))
    made = {item["type"]: item for item in status.conditions(found, None, seen, {}, NOW)}
    if "StandbyReady" not in made:
        return None
    assert made["Ready"]["status"] == "True", "a bot without its standby trades"
    return made["StandbyReady"]["status"], made["StandbyReady"]["message"]


def test_whether_a_standby_could_take_over_is_a_condition_of_its_own() -> None:
    assert standby(bot(**GOOD), pods_ready=1) is None
    paired = msgspec.structs.replace(bot(**GOOD), spec=Spec(symbol="BTCUSD", standby=True))
    assert standby(paired, pods_ready=2) == ("True", "a second trader follows the journal")
    alone = standby(paired, pods_ready=1, other=Trouble("Unschedulable", "no node can run trader"))
    assert alone == ("False", "no second trader can take over: no node can run trader")
    assert standby(paired, pods_ready=1) == (
        "False",
        "no second trader can take over: it is starting",
    )


def of_delivery(
    found: TradeBot, refusal: Trouble | None = None, **states: UnitState
) -> tuple[str, str]:
    seen = [
        (unit, states.get(unit.stage, UnitState(running=True, ready=True))) for unit in units(found)
    ]
    made = {item["type"]: item for item in status.conditions(found, refusal, seen, {}, NOW)}
    assert {item["observedGeneration"] for item in made.values()} == {found.generation}
    return made["Reconciling"]["status"], made["Stalled"]["status"]


def test_a_bot_that_may_not_run_or_whose_stage_fails_is_stalled() -> None:
    assert of_delivery(bot(), Trouble("KeysInUse", "x")) == ("False", "True")
    assert of_delivery(bot(**GOOD), ingest=BROKEN) == ("False", "True")
    assert of_delivery(bot(**GOOD), ingest=STARTING) == ("True", "False")
