"""Why a unit does not run: the most informative sentence of its Deployment and pods."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

IMAGE_REASONS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}
)
QUIET_SECONDS = 60.0
"""Seconds after a crash during which a running but unready container counts as crashing."""


START_SECONDS = 45.0
"""Seconds after its start during which an unready container counts as starting."""


class Trouble(msgspec.Struct, frozen=True):
    """What is wrong, in one word and in a sentence.

    `waiting`: the pod waits and its status does not say why; the events of `pod` may.
    """

    reason: str
    message: str
    waiting: bool = False
    pod: str = ""


class UnitState(msgspec.Struct, frozen=True):
    """`running`: a pod of the current configuration runs; `ready`: it also reports ready.

    `pods_ready` counts those that do. `other` is what keeps a further pod, such as a standby, from
    its work; `None` where there is none, or nothing does.
    """

    running: bool
    ready: bool
    trouble: Trouble | None = None
    pods_ready: int = 0
    other: Trouble | None = None


def unit_state(
    stage: str,
    deployment: dict[str, Any] | None,
    pods: Iterable[dict[str, Any]],
    now: datetime | None = None,
) -> UnitState:
    """Returns the state of a unit, from its live Deployment and pods."""
    now = now or datetime.now(UTC)
    if deployment is None:
        return _stopped("StagesStarting", f"{stage} is starting")
    refused = _refused(stage, deployment)
    if refused:
        return UnitState(running=False, ready=False, trouble=refused)
    alive = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    if not alive:
        return _stopped("StagesStarting", f"{stage} is starting")
    if not _is_current(deployment):
        return _stopped("StagesStarting", f"{stage} is restarting with new settings")
    alive.sort(key=lambda item: str(item["metadata"].get("creationTimestamp", "")), reverse=True)
    # The best of the pods speaks for the unit; of equal ones the newest.
    states = sorted(
        (_pod_state(stage, pod, now) for pod in alive),
        key=lambda state: (state.ready, state.running),
        reverse=True,
    )
    others = (state.trouble for state in states[1:] if state.trouble)
    return msgspec.structs.replace(
        states[0],
        pods_ready=sum(state.ready for state in states),
        other=next(others, None),
    )


def _stopped(reason: str, message: str) -> UnitState:
    return UnitState(running=False, ready=False, trouble=Trouble(reason, message))


def _refused(stage: str, deployment: dict[str, Any]) -> Trouble | None:
    for condition in deployment.get("status", {}).get("conditions", []):
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            message = f"{stage}'s pod is rejected: {condition.get('message', '')}"
            return Trouble("PodRefused", message)
    return None


def _is_current(deployment: dict[str, Any]) -> bool:
    status, generation = deployment.get("status", {}), deployment["metadata"].get("generation", 0)
    seen = status.get("observedGeneration", 0) >= generation
    return bool(seen and status.get("updatedReplicas", 0) >= 1)


def _pod_state(stage: str, pod: dict[str, Any], now: datetime) -> UnitState:
    status, name = pod.get("status", {}), pod["metadata"]["name"]
    conditions = {item["type"]: item for item in status.get("conditions", [])}
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return _stopped(
            str(scheduled.get("reason") or "Unschedulable"),
            f"no node can run {stage}: {scheduled.get('message', '')}",
        )
    containers = status.get("containerStatuses", [])
    trouble = next(filter(None, (_container(stage, item, now) for item in containers)), None)
    running = bool(containers) and all("running" in item.get("state", {}) for item in containers)
    ready = conditions.get("Ready", {}).get("status") == "True"
    if trouble is None and not running:
        trouble = Trouble("StagesStarting", f"{stage} is starting", waiting=True, pod=name)
    if trouble is None and not ready and _young(containers, now):
        trouble = Trouble("StagesStarting", f"{stage} runs and is becoming ready")
    elif trouble is None and not ready:
        message = f"{stage} runs but is not ready; for the reason, see: kubectl logs {name}"
        trouble = Trouble("StageNotReady", message)
    failed = trouble is not None and trouble.reason not in ("StagesStarting", "StageNotReady")
    return UnitState(running=running and not failed, ready=ready and not failed, trouble=trouble)


def _young(containers: list[dict[str, Any]], now: datetime) -> bool:
    """Whether a container started so recently that it need not be ready yet."""
    began = [item["state"]["running"].get("startedAt") for item in containers]
    return any(
        (now - datetime.fromisoformat(at)).total_seconds() < START_SECONDS for at in began if at
    )


def _container(stage: str, status: dict[str, Any], now: datetime) -> Trouble | None:
    state, last = status.get("state", {}), status.get("lastState", {}).get("terminated")
    waiting = state.get("waiting", {})
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in IMAGE_REASONS:
        image = status.get("image", "")
        return Trouble("ImagePullFailed", f"cannot pull {stage}'s image {image}: {message}")
    if reason in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
        return Trouble("ContainerRefused", f"cannot start {stage}: {message}")
    ended = state.get("terminated") or last
    if ended and (reason or "terminated" in state or _recent(status, ended, now)):
        return _ended(stage, ended)
    return None


def _recent(status: dict[str, Any], ended: dict[str, Any], now: datetime) -> bool:
    """Whether a container that was restarted has yet to prove itself."""
    finished = ended.get("finishedAt")
    if status.get("ready") or not finished:
        return False
    return (now - datetime.fromisoformat(finished)).total_seconds() < QUIET_SECONDS


def _ended(stage: str, ended: dict[str, Any]) -> Trouble:
    if ended.get("reason") == "OOMKilled":
        return Trouble(
            "OutOfMemory",
            f"{stage} ran out of memory: raise its memory limit in the chart's values",
        )
    line = last_line(ended.get("message", ""))
    detail = f": {line}" if line else f" with exit code {ended.get('exitCode')}"
    return Trouble("CrashLoop", f"{stage} exited{detail}")


def last_line(text: str, length: int = 400) -> str:
    """Returns the last non-empty line of a log, cut to `length` characters.

    >>> last_line("INFO start\\n{\\"event\\": \\"no broker\\", \\"level\\": \\"error\\"}\\n")
    'no broker'
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return ""
    line = lines[-1]
    if line.startswith("{"):
        try:
            event = msgspec.json.decode(line)
            line = str(event.get("event") or event.get("message") or line)
        except msgspec.DecodeError:
            pass
    return line[:length]
