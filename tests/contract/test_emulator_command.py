"""`tradebot emulator` as a user runs it: it serves, stops, and reports errors."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import websockets.sync.client as websockets
from waiting.conditions import PATIENCE_SECONDS, until


def emulator(*arguments: str, **more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tradebot", "emulator", *arguments]
    environment = {**os.environ, **more}
    return subprocess.Popen(command, text=True, stderr=subprocess.PIPE, env=environment)


@pytest.fixture
def port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def running(port: int) -> Iterator[tuple[subprocess.Popen[str], int]]:
    process = emulator("--port", str(port), "--history-days", "1")

    def serves() -> bool:
        assert process.poll() is None
        try:
            return httpx.get(f"http://127.0.0.1:{port}/v1/symbols").is_success
        except httpx.TransportError:
            return False

    until(serves)
    yield process, port
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_though_clients_are_connected(
    running: tuple[subprocess.Popen[str], int], number: int
) -> None:
    process, port = running
    with websockets.connect(f"ws://127.0.0.1:{port}/v1/marketdata/btcusd") as client:
        client.recv()
        process.send_signal(number)
        assert process.wait(PATIENCE_SECONDS) == 0


def test_a_taken_port_is_named(running: tuple[subprocess.Popen[str], int]) -> None:
    _, port = running
    assert says("--port", str(port)) == [
        f"Error: cannot serve on 127.0.0.1:{port}: Address already in use; "
        "choose a free port with --port, or another host"
    ]


def says(*arguments: str) -> list[str]:
    """Returns the output of a failing start, without the address of its health."""
    return printed(emulator(*arguments))


def printed(process: subprocess.Popen[str]) -> list[str]:
    _, text = process.communicate(timeout=60)
    assert process.returncode == 2
    return [line for line in text.splitlines() if "health and metrics are served" not in line]


def test_wrong_settings_are_refused_in_one_sentence(tmp_path: Path) -> None:
    market = tmp_path / "market.csv"
    market.write_text("".join(f"{60_000 * n},1,1,1,1,1\n" for n in range(27_000_000, 27_000_100)))
    late = ("--market", str(market), "--start", "2022-01-01")
    sentences = {
        (
            "--market",
            "none.csv",
        ): "none.csv does not exist: use the path of a CSV",
        late: "the market file covers 2021-05-03T00:00 to 2021-05-03T01:39",
        ("--faults", "none.yaml"): "none.yaml: No such file or directory",
    }
    started = {each: emulator("--port", "0", *each) for each in sentences}
    for arguments, sentence in sentences.items():
        lines = printed(started[arguments])
        assert len(lines) == 1, lines
        assert lines[0].startswith("Error: ")
        assert sentence in lines[0]
