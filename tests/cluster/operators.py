"""Runs the operator with only the rights that the chart gives it."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import service_accounts
from apiserver import Api, eventually


class Running:
    """An operator's process and its port."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process, self.port, self.log = process, port, log

    def status(self, path: str) -> int:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=2).status_code
        except httpx.HTTPError:
            return 0

    def writes(self) -> float:
        """Returns the number of writes to the API server since its start."""
        text = httpx.get(f"http://127.0.0.1:{self.port}/metrics", timeout=5).text
        lines = [line for line in text.splitlines() if line.startswith("tradebot_operator_writes")]
        return sum(float(line.split()[-1]) for line in lines if "_total{" in line)

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text()[-3000:]

    def stop(self, how: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(20)


def configuration(namespace: str, **settings: Any) -> dict[str, Any]:
    return {
        "namespace": namespace,
        "images": {"services": "localhost/services:test", "forecast": "localhost/forecast:test"},
        "kafka": {"bootstrap": "kafka:9092"},
        "emulator": {"url": f"http://tradebot-emulator.{namespace}.svc:8090"},
    } | settings


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(file: Path, account: Path, configured: dict[str, Any]) -> Running:
    """Starts an operator with a kubeconfig, configured by `file`, which is written."""
    file.write_text(json.dumps(configured))
    log = file.with_suffix(".log")
    environment = os.environ | {
        "KUBECONFIG": str(account),
        "TRADEBOT_OPERATOR_CONFIG": str(file),
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tradebot_operator"], env=environment, stdout=out, stderr=out
        )
    return Running(process, configured["httpPort"], log)


@contextmanager
def running(folder: Path, kubeconfig: Path, namespace: str, **settings: Any) -> Iterator[Running]:
    """Runs an operator for the TradeBots of `namespace`, until it is ready.

    Args:
        kubeconfig: of an administrator, who creates the operator's account.
    """
    account = service_accounts.of_operator(
        Api(kubeconfig), namespace, kubeconfig, folder, settings.get("watchNamespaces", ())
    )
    port = free_port()
    configured = configuration(namespace, **settings) | {"httpPort": port}
    operator = start(folder / f"operator-{port}.json", account, configured)
    log = operator.log
    try:
        assert eventually(lambda: operator.status("/readyz") == 200), log.read_text()[-2000:]
        yield operator
    finally:
        operator.stop(signal.SIGKILL)
