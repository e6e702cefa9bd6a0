"""Which of the served namespaces are there to be served.

A namespace that is being deleted takes everything in it, the operator's own Role among it, in no
order that can be relied upon. But Kubernetes begins only five seconds after it was told to
(`namespaceDeletionGracePeriod` of its namespace controller): whoever looks often enough can still
do what must not be left undone.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from tradebot_operator.api import Api, ApiError

_log = logging.getLogger(__name__)

HOLDING_SECONDS = 1.5
"""Between two looks at a namespace that must not be deleted unseen."""
IDLE_SECONDS = 15.0
START_TRIES = 5


class NothingToServeError(Exception):
    """None of the namespaces is there, or the operator may read none of them."""


class Namespaces:
    """Those that were asked for, and what became of them.

    Attributes:
        ending: those that are being deleted: nothing can be made in them.
        gone: those that are not there, or in which the operator has no rights: the two cannot be
            told apart by one who has none.
    """

    def __init__(self, api: Api, names: Sequence[str]) -> None:
        self._api, self._names = api, names
        self.ending: set[str] = set()
        self.gone: set[str] = set()

    def served(self) -> tuple[str, ...]:
        """Those in which there is something to be looked at."""
        return tuple(name for name in self._names if name not in self.gone)

    def open(self) -> tuple[str, ...]:
        """Those in which things can be made."""
        return tuple(name for name in self.served() if name not in self.ending)

    async def look(self, name: str) -> None:
        """Asks for the namespace. One that cannot be asked for is as it was."""
        try:
            found = await self._api.namespace(name)
        except ApiError as error:
            if error.status in (403, 404):
                self._left(name, str(error))
            return
        except Exception as error:  # whatever it is, the next look comes soon
            _log.warning("namespace %s could not be read: %s", name, error or repr(error))
            return
        self.gone.discard(name)
        if not found["metadata"].get("deletionTimestamp"):
            self.ending.discard(name)
        elif name not in self.ending:
            _log.warning("namespace %s is being deleted: releasing its TradeBots", name)
            self.ending.add(name)

    async def find(self) -> tuple[str, ...]:
        """Looks at all; those that can be served. Rights that were only just given are waited for.

        Raises:
            NothingToServeError: there is none.
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
        """Looks again and again until another set of them is to be served.

        Args:
            holding: whether a namespace must not be deleted unseen.
            ending: is called while one is being deleted.
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
