"""/livez, /readyz and /metrics, from the operator's own loop: if it hangs, they do not respond."""

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from tradebot_operator import metrics
from tradebot_operator.canary import LIMIT, Canary
from tradebot_operator.observed import Observed
from tradebot_operator.settings import OperatorSettings


class Server:
    """Serves from `start` to `stop`."""

    def __init__(self, canary: Canary, observed: Observed, settings: OperatorSettings) -> None:
        self._canary, self._observed, self._settings = canary, observed, settings
        app = web.Application()
        app.router.add_get("/livez", self._live)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self) -> None:
        """Starts to serve.

        Raises:
            OSError: the port is taken.
        """
        await self._runner.setup()
        await web.TCPSite(self._runner, None, self._settings.http_port).start()

    async def stop(self) -> None:
        """Stops serving."""
        await self._runner.cleanup()

    async def _live(self, _request: web.Request) -> web.Response:
        age = self._canary.age()
        text = f"the canary last completed {age:.0f} s ago\n"
        return web.Response(status=200 if age < LIMIT else 503, text=text)

    async def _ready(self, _request: web.Request) -> web.Response:
        ready = self._canary.seen
        text = "ready\n" if ready else "the watches have not listed all objects yet\n"
        return web.Response(status=200 if ready else 503, text=text)

    async def _metrics(self, _request: web.Request) -> web.Response:
        for name in ("True", "False"):
            metrics.BOTS.labels(name).set(0)
        for namespace in self._settings.namespaces:
            for bot in self._observed.bots(namespace):
                condition = bot.condition("Ready")
                metrics.BOTS.labels(condition.status if condition else "False").inc()
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
