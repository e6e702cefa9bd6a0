"""A liquidity stage in a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tradebot.platform.settings import StageSettings


@contextmanager
def liquidity(settings: StageSettings) -> Iterator[None]:
    """Runs the stage on the settings' broker and topics; it must still run at the end."""
    command = [sys.executable, "-m", "tradebot", "liquidity", "--kafka", settings.kafka]
    command += ["--topic-prefix", settings.topic_prefix, "--http-port", "0"]
    process = subprocess.Popen(command)
    try:
        yield
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
