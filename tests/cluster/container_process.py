"""Kills the process of a pod's container with SIGKILL, if the node is this machine."""

import contextlib
import os
import signal
from pathlib import Path
from typing import Any

from apiserver import eventually


def kill(pod: dict[str, Any], container: dict[str, Any]) -> None:
    """Kills a container of a pod, like a crash; the pod stays and restarts it.

    Args:
        container: its entry in the pod's status.

    Raises:
        LookupError: no process of this machine is the container's.
    """
    pid = _first_process(pod["metadata"]["uid"], _number(container))
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not Path(f"/proc/{pid}").exists())


def is_here(pod: dict[str, Any], container: dict[str, Any]) -> bool:
    """Whether the container's processes are on this machine."""
    with contextlib.suppress(LookupError):
        return bool(_first_process(pod["metadata"]["uid"], _number(container)))
    return False


def _number(container: dict[str, Any]) -> str:
    """Returns the node's id of the container."""
    return str(container["containerID"]).rpartition("//")[2]


def _first_process(pod: str, container: str) -> int:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            place = (folder / "cgroup").read_text()
            if f"pod{pod}" in place and container in place and _number_inside(folder) == "1":
                return int(folder.name)
    raise LookupError(f"no process of this machine is the container {container}")


def _number_inside(folder: Path) -> str:
    lines = (folder / "status").read_text().splitlines()
    return next(line for line in lines if line.startswith("NSpid")).split()[-1]
