"""The bots of a namespace: their TradeBots are watched, and orders are written to them."""

from collections.abc import Mapping
from typing import Any, Final

import httpx

from tradebot.dashboard.fleet import row
from tradebot.dashboard.fleet.fleet import OrderError
from tradebot.dashboard.fleet.row import Row
from tradebot.platform import logs
from tradebot.platform.cluster import ClusterApi, bot_path, bots_path, watched
from tradebot.platform.control import STATES, Act, order

MANAGER: Final = "tradebot-dashboard"
"""The field manager of the page's writes."""

_log = logs.get(__name__)


class Cluster:
    """See `Fleet`.

    Args:
        environment: the venue's; TradeBots of others are not shown and not ordered.
    """

    place = "cluster"

    def __init__(self, api: ClusterApi, *, namespace: str, environment: str) -> None:
        self._api = api
        self._namespace = namespace
        self._environment = environment
        self._rows: dict[str, Row] = {}

    @property
    def rows(self) -> Mapping[str, Row]:
        """See `Fleet`."""
        return self._rows

    async def watch(self) -> None:
        """See `Fleet`."""
        async for bots in watched(self._api, bots_path(self._namespace)):
            self._rows = {
                name: row.of_resource(body) for name, body in bots.items() if self._shows(body)
            }

    async def order(self, bot: str, act: Act, *, because: str, by: str) -> str:
        """See `Fleet`."""
        if bot not in self._rows:
            raise OrderError(f"there is no bot {bot} in namespace {self._namespace}")
        try:
            answer = await self._api.request(
                "PATCH",
                bot_path(self._namespace, bot),
                order(act, because=because, by=by),
                params={"fieldManager": MANAGER},
                headers={"Content-Type": "application/merge-patch+json"},
            )
        except httpx.HTTPError as error:
            raise OrderError(f"the API server does not respond: {error!r}") from None
        if answer.status_code != 200:
            raise OrderError(f"the API server refused: {_message(answer)}")
        return f"{bot} is ordered to be {STATES[act]}; its trader obeys within seconds"

    async def close(self) -> None:
        """See `Fleet`."""
        await self._api.close()

    def _shows(self, body: Mapping[str, Any]) -> bool:
        venue = body["spec"].get("venue", {})
        return bool(venue.get("environment", "Sandbox") == self._environment)


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, LookupError):
        return f"status {answer.status_code}"
