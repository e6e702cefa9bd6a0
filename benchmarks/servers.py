"""Real servers for a measurement: a given one, or one from the tool next to the checkout."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click

TOOLS = Path(__file__).resolve().parents[2] / "shared" / "servers"


@contextlib.contextmanager
def server(kind: str, *options: str) -> Iterator[str]:
    """Yields the address of a running server, host:port; stops it again if it was started here.

    Args:
        kind: kafka or elasticsearch; TRADEBOT_TEST_KAFKA and so on name a running one.
        options: of the tool's `up`.

    Raises:
        ClickException: there is neither.
    """
    variable = f"TRADEBOT_TEST_{kind.upper()}"
    if address := os.environ.get(variable, ""):
        yield address.removeprefix("http://")
        return
    tool = TOOLS / kind
    if not tool.exists():
        raise click.ClickException(f"a real server is needed: set {variable} to its address")
    name = f"bench-{os.getpid()}"
    up = subprocess.run(
        [tool, "up", "--name", name, *options], capture_output=True, text=True, check=True
    )
    try:
        yield up.stdout.split()[-1]
    finally:
        subprocess.run([tool, "down", "--name", name, "--purge"], capture_output=True, check=False)
