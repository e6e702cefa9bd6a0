"""The import waits for Kibana, sends all objects, and fails unless the body says success.

A small server replaces Kibana, with responses as documented.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tradebot.platform.settings import SettingsError
from tradebot.recorder.kibana.importing import import_dashboards
from tradebot.recorder.kibana.objects import ndjson, saved_objects
from tradebot.recorder.settings import RecorderSettings

AVAILABLE = (200, {"status": {"overall": {"level": "available"}}})
STARTING = (503, {"status": {"overall": {"level": "unavailable"}}})
GREEN_BUT_DEGRADED = (200, {"status": {"overall": {"level": "degraded"}}})
SUCCESS = (200, {"success": True, "successCount": len(saved_objects())})


class Kibana:
    """Responds to the status and the import as told."""

    def __init__(self) -> None:
        self.statuses: list[tuple[int, dict[str, Any]]] = []
        self.answer: tuple[int, Any] = SUCCESS
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        kibana = self

        class Handler(BaseHTTPRequestHandler):
            def _say(self, status: int, body: Any) -> None:
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self) -> None:
                kibana.asked.append(("GET", self.path, dict(self.headers), b""))
                self._say(*(kibana.statuses.pop(0) if kibana.statuses else AVAILABLE))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                kibana.asked.append(("POST", self.path, dict(self.headers), body))
                self._say(*kibana.answer)

            def log_message(self, *_args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def kibana() -> Iterator[Kibana]:
    kibana = Kibana()
    yield kibana
    kibana.server.shutdown()
    kibana.server.server_close()


def settings(kibana: Kibana, **more: Any) -> RecorderSettings:
    return RecorderSettings(setup_kibana=kibana.url, kibana_wait_seconds=5, **more)


def test_it_waits_until_kibana_says_available_then_imports_everything_once(kibana: Kibana) -> None:
    kibana.statuses = [STARTING, GREEN_BUT_DEGRADED, AVAILABLE]
    waits: list[float] = []
    assert import_dashboards(settings(kibana), sleep=waits.append) == len(saved_objects())
    assert len(waits) == 2
    method, path, headers, body = kibana.asked[-1]
    assert (method, path) == ("POST", "/api/saved_objects/_import?overwrite=true")
    assert headers["kbn-xsrf"]
    assert headers["Content-Type"].startswith("multipart/form-data")
    assert b'filename="tradebot.ndjson"' in body and ndjson() in body
    assert [m for m, *_ in kibana.asked].count("POST") == 1


def test_two_hundred_without_success_is_a_failure_that_names_what_was_not_taken(
    kibana: Kibana,
) -> None:
    error = {"type": "dashboard", "id": "tradebot-trading", "error": {"type": "missing_references"}}
    kibana.answer = (200, {"success": False, "successCount": 3, "errors": [error]})
    with pytest.raises(SettingsError, match="dashboard tradebot-trading: missing_references"):
        import_dashboards(settings(kibana))


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>a login page</html>"),
        (200, {}),
        (200, []),
        (200, {"success": "true"}),
        (401, {"message": "who are you"}),
        (500, {"success": True}),
    ],
)
def test_whatever_does_not_say_success_is_a_failure(kibana: Kibana, answer: Any) -> None:
    kibana.answer = answer
    with pytest.raises(SettingsError, match="did not accept the dashboards"):
        import_dashboards(settings(kibana))


def test_a_kibana_that_never_comes_is_one_clear_sentence(kibana: Kibana) -> None:
    kibana.statuses = [STARTING] * 99
    hasty = RecorderSettings(setup_kibana=kibana.url, kibana_wait_seconds=0)
    with pytest.raises(SettingsError, match=r"not available within 0 s: 503 unavailable"):
        import_dashboards(hasty)
    nowhere = RecorderSettings(setup_kibana="http://127.0.0.1:1", kibana_wait_seconds=0)
    with pytest.raises(SettingsError, match="--setup-kibana"):
        import_dashboards(nowhere)


def test_user_and_password_go_with_every_call(kibana: Kibana, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hush\n")
    import_dashboards(
        settings(kibana, kibana_username="elastic", kibana_password_file=str(tmp_path / "password"))
    )
    assert {h["Authorization"] for _, _, h, _ in kibana.asked} == {"Basic ZWxhc3RpYzpodXNo"}


def test_the_command_ends_with_zero_only_after_success(kibana: Kibana) -> None:
    command = [sys.executable, "-m", "tradebot", "recorder", "--setup-kibana", kibana.url]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and f"imported {len(saved_objects())} objects" in done.stdout
    kibana.answer = (200, {"success": False})
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0 and "did not accept" in done.stderr
