"""`tradebot ingest` as a user runs it, as its own process."""

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from venues.scripted import free_port
from waiting.conditions import PATIENCE_SECONDS, until

from tradebot.emulator.embedded import EmbeddedEmulator
from tradebot.emulator.settings import EmulatorSettings
from tradebot.platform.embedded import EmbeddedBroker


@contextmanager
def ingest(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tradebot", "ingest", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def asked(port: int, path: str = "/readyz") -> dict[str, Any]:
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{port}{path}", timeout=PATIENCE_SECONDS
        ) as answer:
            content = answer.read()
    except urllib.error.HTTPError as error:
        content = error.read()
    except OSError:
        return {"ready": False, "reasons": {}}
    told: dict[str, Any] = json.loads(content)
    return told


def wait_until(port: int, *, ready: bool) -> dict[str, Any]:
    def told() -> dict[str, Any]:
        answer = asked(port)
        return answer if answer["ready"] is ready else {}

    return until(told, told=lambda: asked(port))


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    embedded = EmbeddedBroker()
    yield embedded
    embedded.close()


def test_it_is_ready_with_a_book_unready_without_a_venue_and_ends_on_a_signal(
    broker: EmbeddedBroker,
) -> None:
    port = free_port()
    venues = ExitStack()
    venue = venues.enter_context(EmbeddedEmulator(EmulatorSettings(port=0, history_days=1)))
    arguments = [
        *("--kafka", broker.address, "--kafka-embedded"),
        *("--emulator-url", venue.url, "--http-port", str(port), "--log-format", "json"),
    ]
    with venues, ingest(*arguments) as process:
        wait_until(port, ready=True)
        venues.close()
        told = wait_until(port, ready=False)
        assert told["reasons"]["feed"].startswith("no feed for")
        assert asked(port, "/livez")["stage"] == "ingest"
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0
    events = [json.loads(line) for line in log.splitlines()]
    (connected,) = [each for each in events if each["event"] == "feed connected, with a full book"]
    assert {"stage", "symbol", "timestamp", "level"} <= connected.keys()


def test_a_taken_port_is_one_sentence_that_says_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with ingest("--http-port", str(port)) as process:
            _, log = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 2
    assert log == (
        f"Error: cannot serve on 127.0.0.1:{port}: Address already in use;"
        " choose a free port with --http-port, or another host\n"
    )
