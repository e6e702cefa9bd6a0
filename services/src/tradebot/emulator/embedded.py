"""The emulator inside another program, such as a test, serving from its own thread."""

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from tradebot.emulator.application import Application
from tradebot.emulator.exchange import Exchange
from tradebot.emulator.server import faults_of, memory_of, open_exchange, server
from tradebot.emulator.settings import EmulatorSettings
from tradebot.platform.listening import listen, local
from tradebot.platform.web import WebServer

Result = TypeVar("Result")

_START_LIMIT = 30.0


class EmbeddedEmulator:
    """Serves while its `with` block runs.

    >>> with EmbeddedEmulator(EmulatorSettings(port=0, history_days=1)) as emulator:
    ...     emulator.url.startswith("http://127.0.0.1:")
    True

    Raises:
        SettingsError: the port is taken, or a setting cannot be used.
    """

    def __init__(self, settings: EmulatorSettings) -> None:
        self._listener = listen(settings.host, settings.port)
        self.exchange: Exchange = open_exchange(settings)
        memory = memory_of(settings, self.exchange)
        self.application = Application(self.exchange, faults_of(settings), memory)
        self._web: WebServer = server(self.application)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="emulator", daemon=True)
        host, port = self._listener.getsockname()[:2]
        self.url = f"http://{local(host)}:{port}"
        self.socket_url = f"ws://{local(host)}:{port}"

    def __enter__(self) -> "EmbeddedEmulator":
        self._thread.start()
        if not self._ready.wait(_START_LIMIT):
            raise TimeoutError("the emulator did not start")
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._web.stop()
        self._thread.join(_START_LIMIT)

    def call(self, work: Callable[[], Result]) -> Result:
        """Runs `work` between two steps of the exchange, when it may change its state."""

        async def there() -> Result:
            return work()

        return asyncio.run_coroutine_threadsafe(there(), self._loop).result(_START_LIMIT)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._run())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _run(self) -> None:
        ticking = asyncio.create_task(self.application.tick())
        self._ready.set()
        await self._web.serve(sockets=[self._listener])
        ticking.cancel()
