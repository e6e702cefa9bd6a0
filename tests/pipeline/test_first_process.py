"""A container's first process ends at once if it is told to while it starts."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from waiting.conditions import PATIENCE_SECONDS

ENDED = 128 + signal.SIGTERM
STAGES = {"ingest": ["--symbol", "BTCUSD"], "liquidity": [], "recorder": []}
"""Stages that handle SIGTERM only once their broker has responded."""


@pytest.fixture(autouse=True)
def namespaces() -> None:
    """Skips unless a process can be the first of a PID namespace here."""
    if not shutil.which("unshare"):
        pytest.skip("there is no `unshare` here, which makes a process the first")
    tried = subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip("this account may not make a process the first: run as root")


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that accepts connections and never responds, so that starts wait for it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)
        yield listening


def code_when_told_to_end(
    command: list[str], folder: Path, silent: socket.socket, **environment: str
) -> int:
    """Returns the exit code of a first process that is ended while it waits for `silent`."""
    outer = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", *command],
        cwd=folder,
        env=os.environ | environment,
    )
    try:
        with silent.accept()[0]:
            first = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()[0]
            os.kill(int(first), signal.SIGTERM)
            return outer.wait(PATIENCE_SECONDS)
    finally:
        outer.kill()
        outer.wait()


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_waits_for_its_broker_ends(
    stage: str, silent: socket.socket, tmp_path: Path
) -> None:
    tradebot = str(Path(sys.executable).with_name("tradebot"))
    broker = f"127.0.0.1:{silent.getsockname()[1]}"
    command = [tradebot, stage, *STAGES[stage], "--kafka", broker, "--http-port", "0"]
    assert code_when_told_to_end(command, tmp_path, silent) == ENDED


def test_an_operator_that_waits_for_its_api_server_ends(
    silent: socket.socket, tmp_path: Path
) -> None:
    server = f"http://127.0.0.1:{silent.getsockname()[1]}"
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": server}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
            }
        )
    )
    settings = tmp_path / "operator.json"
    settings.write_text(
        json.dumps(
            {
                "namespace": "bots",
                "images": {"services": "s", "forecast": "f"},
                "kafka": {"bootstrap": "k:9092"},
            }
        )
    )
    command = [sys.executable, "-m", "tradebot_operator"]
    names = {"KUBECONFIG": str(kubeconfig), "TRADEBOT_OPERATOR_CONFIG": str(settings)}
    assert code_when_told_to_end(command, tmp_path, silent, **names) == ENDED
