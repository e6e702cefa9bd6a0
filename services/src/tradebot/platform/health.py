"""/metrics, /livez and /readyz of a stage, with reasons.

A stage is live while its process responds and can recover by itself. It is ready while no gate is
closed. A stalled feed closes a gate and never ends the process: a restart would not bring the feed
back. Faults that only a restart can fix are reported through `live_while`.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import make_wsgi_app

from tradebot.platform.listening import listen
from tradebot.platform.metrics import READY

Check = Callable[[], str | None]


class Readiness:
    """The gates of a stage: each is open, or closed with a reason."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._lock = threading.Lock()
        self._closed: dict[str, str] = {"starting": "the stage has not finished starting"}
        self._checks: dict[str, Check] = {}
        self._notes: dict[str, str] = {}
        self._life: Check = lambda: None

    def started(self) -> None:
        """Marks the stage as started: it can serve now."""
        self.open("starting")

    def close(self, gate: str, reason: str) -> None:
        """Closes a gate: the stage cannot do its work because of `reason`."""
        with self._lock:
            self._closed[gate] = reason

    def open(self, gate: str) -> None:
        """Opens `gate` again."""
        with self._lock:
            self._closed.pop(gate, None)

    def note(self, name: str, text: str) -> None:
        """Shows on /readyz what closes no gate; an empty text takes it back."""
        with self._lock:
            self._notes.pop(name, None)
            if text:
                self._notes[name] = text

    def notes(self) -> dict[str, str]:
        """What is said of the stage."""
        with self._lock:
            return dict(self._notes)

    def check(self, gate: str, check: Check) -> None:
        """Calls `check` at each request: a sentence closes the gate, `None` opens it."""
        with self._lock:
            self._checks[gate] = check

    def live_while(self, check: Check) -> None:
        """Calls `check` at each request of /livez: a sentence means that only a restart helps."""
        with self._lock:
            self._life = check

    def fatal_fault(self) -> str | None:
        """Returns the fault that only a restart can fix; `None` while the stage lives."""
        with self._lock:
            check = self._life
        return check()

    def reasons(self) -> dict[str, str]:
        """Returns the closed gates; empty when the stage is ready."""
        with self._lock:
            closed, checks = dict(self._closed), dict(self._checks)
        for gate, check in checks.items():
            reason = check()
            if reason is not None:
                closed[gate] = reason
        READY.labels(self._stage).set(0 if closed else 1)
        return closed


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(listener.getsockname()[:2], _QuietHandler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_name, self.server_port = "tradebot", listener.getsockname()[1]
        self.setup_environ()


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, *_args: Any) -> None:
        """Logs nothing: probes come every few seconds."""


def serve(readiness: Readiness, *, stage: str, host: str, port: int) -> int:
    """Serves the three paths from its own thread; returns the port.

    Raises:
        SettingsError: the port is taken, or the address is not this machine's.
    """
    metrics = make_wsgi_app()

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            readiness.reasons()
            return metrics(environ, start_response)  # type: ignore[no-any-return]
        if path not in ("/livez", "/readyz"):
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"this port serves /metrics, /livez and /readyz\n"]
        if path == "/readyz":
            reasons = readiness.reasons()
        else:
            fault = readiness.fatal_fault()
            reasons = {} if fault is None else {"life": fault}
        status = "503 Service Unavailable" if reasons else "200 OK"
        start_response(status, [("Content-Type", "application/json")])
        body = {"stage": stage, "ready": not reasons, "reasons": reasons}
        if path == "/readyz" and (notes := readiness.notes()):
            body["notes"] = notes
        return [json.dumps(body).encode() + b"\n"]

    server = _Server(listen(host, port, flag="--http-port"))
    server.set_app(app)
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    return server.server_port
