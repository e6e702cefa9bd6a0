"""A connection between a client and the API server that can be cut or go dead."""

import contextlib
import socket
import threading
from typing import Self
from urllib.parse import urlsplit


class _Life:
    """The connections of one plugged-in time; a dead cable revives none of them."""

    over = False


class Cable:
    """A loopback port that forwards to the API server.

    `pull` refuses new connections and closes open ones. `deaden` is worse: open connections stay
    open forever and carry nothing more, even after `plug_in`; new ones are accepted and not served.
    """

    def __init__(self, server: str) -> None:
        url = urlsplit(server)
        self._target = (url.hostname, url.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self._pulled = self._dead = False
        self._life = _Life()
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.pull()
        for end in (self._listener, *self._ends):
            end.close()

    def pull(self) -> None:
        """Cuts it; both ends notice."""
        self._pulled = True
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def deaden(self) -> None:
        """Lets nothing through; neither end notices."""
        self._dead = self._life.over = True
        self._life = _Life()

    def plug_in(self) -> None:
        """Carries new connections from now on."""
        self._pulled = self._dead = False

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self._pulled:
                    near.close()
                    continue
                self._ends.append(near)
                if self._dead:
                    continue
                far = socket.create_connection(self._target)
                self._ends.append(far)
                for source, sink in ((near, far), (far, near)):
                    line = (source, sink, self._life)
                    threading.Thread(target=_carry, args=line, daemon=True).start()


def _carry(source: socket.socket, sink: socket.socket, life: _Life) -> None:
    """Carries until either end closes; a dead one reads everything and writes nothing."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            if not life.over:
                sink.sendall(data)
    if not life.over:
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
