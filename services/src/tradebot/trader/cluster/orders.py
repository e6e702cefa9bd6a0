"""The orders of a person, from the trader's own TradeBot: `spec.control`."""

from collections.abc import AsyncIterator

import msgspec

from tradebot.platform import logs
from tradebot.platform.cluster import ClusterApi, bots_path, watched
from tradebot.platform.control import Control

_log = logs.get(__name__)


class BotOrders:
    """Watches one TradeBot; see `tradebot.trader.obeying.Orders`."""

    def __init__(self, api: ClusterApi, *, namespace: str, bot: str) -> None:
        self._api = api
        self._path = bots_path(namespace)
        self._bot = bot

    async def stream(self) -> AsyncIterator[Control]:
        """See `Orders`."""
        # The trader's role names its own TradeBot; a watch of one object selects it by name.
        selector = {"fieldSelector": f"metadata.name={self._bot}"}
        async for bots in watched(self._api, self._path, selector):
            found = bots.get(self._bot, {}).get("spec", {}).get("control")
            if found is None:
                continue
            try:
                yield msgspec.convert(found, Control)
            except msgspec.ValidationError as error:
                _log.warning("spec.control cannot be read", reason=str(error))

    async def close(self) -> None:
        """See `Orders`."""
        await self._api.close()
