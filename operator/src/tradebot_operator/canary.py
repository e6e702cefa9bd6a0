"""Checks the whole loop: what the API server has must have come through the watch.

A watch that has gone silent looks like an idle cluster. The canary lists the TradeBots' names and
generations at the API server and compares them with what the watch has shown. It uses the same
queue and workers as every key, and only reads.
"""

import time
from collections.abc import Callable, Sequence

from tradebot_operator.api import Api
from tradebot_operator.observed import Observed, Shown
from tradebot_operator.resource import KIND
from tradebot_operator.sweep import sweep

TOLERANCE = 40.0
"""Seconds within which the watch must have shown what the API server has."""
LIMIT = 60.0
"""Age of the last successful check at which the operator must be restarted."""


class SilentWatchError(Exception):
    """The watch has not shown what the API server has."""


class Canary:
    """Checks each namespace; `age` is the time since all was well."""

    def __init__(
        self,
        api: Api,
        observed: Observed,
        namespaces: Callable[[], Sequence[str]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api, self._observed, self._namespaces = api, observed, namespaces
        self._monotonic = monotonic
        self._missing: dict[tuple[str, int], float] = {}
        self._good_at = monotonic()
        self.seen = False
        """Whether all was well at least once."""

    def age(self) -> float:
        """Returns seconds since the last successful check, or since the start."""
        return self._monotonic() - self._good_at

    async def look(self) -> list[Shown]:
        """Compares, and stores the time if all is well; returns the TradeBots deleted unseen.

        Raises:
            SilentWatchError: something has been missing for longer than `TOLERANCE`.
        """
        missing: set[tuple[str, int]] = set()
        gone: list[Shown] = []
        for namespace in self._namespaces():
            found = await sweep(self._api, self._observed, KIND, namespace)
            gone += found.gone
            for item in found.listed:
                seen = self._observed.bot(namespace, item.name)
                current = seen is not None and seen.uid == item.uid
                if not (seen and current and seen.generation >= item.generation):
                    missing.add((item.uid, item.generation))
        now = self._monotonic()
        self._missing = {key: self._missing.get(key, now) for key in missing}
        if any(now - since > TOLERANCE for since in self._missing.values()):
            raise SilentWatchError(
                f"the watch has not reported {len(missing)} TradeBots that exist on the API server"
            )
        self._good_at = now
        self.seen = self.seen or not missing
        return gone
