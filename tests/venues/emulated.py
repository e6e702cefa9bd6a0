"""The emulator inside the test's own process, its market driven by the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tradebot.emulator.application import Application
from tradebot.emulator.clock import ExchangeClock
from tradebot.emulator.embedded import EmbeddedEmulator
from tradebot.emulator.exchange import Exchange
from tradebot.emulator.server import server
from tradebot.emulator.settings import EmulatorSettings
from tradebot.platform.listening import listen

START = 1_700_000_040_000


class Time:
    """A clock that the test advances."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def skip(emulator: EmbeddedEmulator, seconds: float) -> None:
    """Advances the emulator's timers and faults by that time; its market does not move."""

    def shift() -> None:
        loop, state = asyncio.get_running_loop(), emulator.application._rest._state
        for owner, name in ((loop, "time"), (state, "_monotonic")):
            clock = getattr(owner, name)
            setattr(owner, name, lambda clock=clock: clock() + seconds)

    emulator.call(shift)
    emulator.call(lambda: None)  # everything due by then is done


@asynccontextmanager
async def emulator(clock: Time) -> AsyncIterator[str]:
    """Runs an exchange whose market moves with `clock`; yields its address."""
    settings = EmulatorSettings(history_days=1, events_per_second=100, rate_limits=False)
    application = Application(Exchange(settings, ExchangeClock(START, 1.0, clock)))
    listener = listen("127.0.0.1", 0)
    web = server(application)
    ticking = asyncio.create_task(application.tick())
    serving = asyncio.create_task(web.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        web.should_exit = True
        await serving
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
