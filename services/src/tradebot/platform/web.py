"""A web server inside a stage: its socket, and a server that leaves signals to the stage."""

import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from tradebot.platform.settings import SettingsError


class WebServer(uvicorn.Server):
    """Ignores signals: uvicorn would end the process by the signal, but a stage exits with 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures no signal."""
        yield

    def stop(self) -> None:
        """Ends `serve` after its open requests."""
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """Returns a listening socket.

    Raises:
        SettingsError: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Without IPPROTO_TCP asyncio leaves Nagle's algorithm on: each response waits 40 ms for an ack.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"cannot serve on {host}:{port}: {error.strerror}; choose another --host or --port"
        ) from None
    listener.listen()
    return listener
