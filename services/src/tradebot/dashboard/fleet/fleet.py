"""The bots that the page lists, and where orders to them go."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from tradebot.dashboard.fleet.row import Row
from tradebot.platform.control import Act


class OrderError(Exception):
    """An order was not accepted; the message says why."""


class Fleet(Protocol):
    """Where bots run: this machine or a cluster."""

    place: str
    """Where, for the page."""

    @property
    def rows(self) -> Mapping[str, Row]:
        """The bots as they were last seen, by name."""
        ...

    async def watch(self) -> None:
        """Keeps `rows` up to date until cancelled."""
        ...

    async def order(self, bot: str, act: Act, *, because: str, by: str) -> str:
        """Orders an act; returns a sentence about what was done.

        Raises:
            OrderError: it was not accepted.
        """
        ...

    async def close(self) -> None:
        """Releases its resources."""
        ...


class NoFleet:
    """Bots that are known from their documents alone, and cannot be ordered."""

    place = "nowhere"

    @property
    def rows(self) -> Mapping[str, Row]:
        """None."""
        return {}

    async def watch(self) -> None:
        """Waits."""
        await asyncio.Event().wait()

    async def order(self, bot: str, act: Act, *, because: str, by: str) -> str:
        """Refuses.

        Raises:
            OrderError: always.
        """
        raise OrderError(f"this page cannot {act} {bot}: start it with --control")

    async def close(self) -> None:
        """Does nothing."""
