"""Which of the served namespaces exist.

Deleting a namespace deletes everything in it, including the operator's own Role, in no reliable
order. But Kubernetes starts only five seconds after the request (`namespaceDeletionGracePeriod` of
its namespace controller), so frequent checks leave time for what must be done first.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from tradebot_operator.api import Api, ApiError

_log = logging.getLogger(__name__)

HOLDING_SECONDS = 1.5
"""Seconds between two checks of a namespace that must not be deleted unseen."""
IDLE_SECONDS = 15.0
START_TRIES = 5


class NothingToServeError(Exception):
    """None of the namespaces exists, or the operator may read none of them."""


class Namespaces:
    """The requested namespaces and their state.

    Attributes:
        ending: being deleted; nothing can be created in them.
        gone: they do not exist, or the operator has no rights there. Without rights the two look
            the same.
    """

    def __init__(self, api: Api, names: Sequence[str]) -> None:
        self._api, self._names = api, names
        self.ending: set[str] = set()
        self.gone: set[str] = set()

    def served(self) -> tuple[str, ...]:
        """Those with objects to watch."""
        return tuple(name for name in self._names if name not in self.gone)

    def open(self) -> tuple[str, ...]:
        """Those in which objects can be created."""
        return tuple(name for name in self.served() if name not in self.ending)

    async def look(self, name: str) -> None:
        """Reads the namespace. If that fails, its state stays the same."""
        try:
            found = await self._api.namespace(name)
        except ApiError as error:
            if error.status in (403, 404):
                self._left(name, str(error))
            return
        except Exception as error:  # any error: the next check follows soon
            _log.warning("namespace %s could not be read: %s", name, error or repr(error))
            return
        self.gone.discard(name)
        if not found["metadata"].get("deletionTimestamp"):
            self.ending.discard(name)
        elif name not in self.ending:
            _log.warning("namespace %s is being deleted: releasing its TradeBots", name)
            self.ending.add(name)

    async def find(self) -> tuple[str, ...]:
        """Checks all namespaces and returns those to serve, waiting for rights just granted.

        Raises:
            NothingToServeError: there are none.
        """
        for _ in range(START_TRIES):
            for name in self._names:
                await self.look(name)
            if self.served():
                return self.served()
            await asyncio.sleep(1)
        raise NothingToServeError(
            f"none of the namespaces {', '.join(self._names)} can be read: check that they exist "
            "and that each contains the operator's Role"
        )

    async def follow(self, holding: Callable[[str], bool], ending: Callable[[str], None]) -> None:
        """Checks repeatedly until the set of namespaces to serve changes.

        Args:
            holding: whether a namespace must not be deleted unseen.
            ending: called while one is being deleted.
        """
        served, rested = self.served(), IDLE_SECONDS
        while self.served() == served:
            for name in self._names:
                if rested >= IDLE_SECONDS or name in self.ending or holding(name):
                    await self.look(name)
                if name in self.ending:
                    ending(name)
            rested = 0.0 if rested >= IDLE_SECONDS else rested + HOLDING_SECONDS
            await asyncio.sleep(HOLDING_SECONDS)

    def _left(self, name: str, message: str) -> None:
        if name not in self.gone:
            _log.warning("namespace %s is not served: %s", name, message)
        self.gone.add(name)
        self.ending.discard(name)
