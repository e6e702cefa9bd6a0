"""A web server inside a stage, which leaves signals to the stage."""

import contextlib
from collections.abc import Iterator

import uvicorn


class WebServer(uvicorn.Server):
    """Ignores signals: uvicorn would end the process by the signal, but a stage exits with 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures no signal."""
        yield

    def stop(self) -> None:
        """Ends `serve` after its open requests."""
        self.should_exit = True
