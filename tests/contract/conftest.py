"""An exchange for the tests of a file, and a client of it; a file may define its own instead."""

from collections.abc import Iterator

import pytest
from venues.raw_gemini import RawGemini

from tradebot.emulator.embedded import EmbeddedEmulator
from tradebot.emulator.settings import EmulatorSettings


@pytest.fixture(scope="module")
def emulator() -> Iterator[EmbeddedEmulator]:
    settings = EmulatorSettings(port=0, history_days=1, speed=20, rate_limits=False)
    with EmbeddedEmulator(settings) as running:
        yield running


@pytest.fixture
def venue(emulator: EmbeddedEmulator) -> Iterator[RawGemini]:
    with RawGemini(emulator) as client:
        yield client
        client.calm()
        client.post("/v1/order/cancel/all")
