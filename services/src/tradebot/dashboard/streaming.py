"""Server-sent events: what has changed since a page last heard."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec
from msgspec.structs import replace

from tradebot.dashboard.board import Board, Sent, event
from tradebot.dashboard.fleet.fleet import Fleet
from tradebot.dashboard.fleet.row import Row, silent

EVERY_SECONDS: Final = 0.25
"""Interval between updates of a page."""
PER_SECOND: Final = 2000
"""Updates of all pages together: with more pages, each is updated less often."""
KEEP_ALIVE_SECONDS: Final = 10.0


class Streams:
    """Opens streams, and counts them.

    Args:
        stopping: whether the server ends; the streams end then too.
    """

    def __init__(self, board: Board, fleet: Fleet, stopping: Callable[[], bool]) -> None:
        self.count = 0
        self._board = board
        self._fleet = fleet
        self._stopping = stopping
        self._listed: tuple[list[Row], bytes] = ([], event("bots", []))

    async def bot(self, bot: str, known: Callable[[], bool]) -> AsyncIterator[bytes]:
        """Yields what changes of a bot, while its visitor is `known`."""
        sent = Sent()
        row: Row | None = None

        def changed() -> bytes:
            nonlocal row
            current = self._fleet.rows.get(bot or sent.subject[0])
            told = b"" if current == row else event("row", msgspec.to_builtins(current))
            row = current
            return self._board.events(bot, sent) + told

        async for part in self._paced(changed, known):
            yield part

    async def bots(self, known: Callable[[], bool]) -> AsyncIterator[bytes]:
        """Yields the list of all bots, at first and whenever it changes."""
        sent = b""

        def changed() -> bytes:
            nonlocal sent
            current = self._list()
            if current == sent:
                return b""
            sent = current
            return current

        async for part in self._paced(changed, known):
            yield part

    def rows(self) -> list[Row]:
        """Returns all bots: those that run here, and those that documents name."""
        rows = dict(self._fleet.rows)
        for bot, told in self._board.known().items():
            if bot in rows:
                if not rows[bot].decision:
                    rows[bot] = replace(rows[bot], decision=told.decision, why=told.why)
            elif self._fleet.place != "cluster":  # there, a bot is gone once its TradeBot is
                rows[bot] = silent(bot, told.symbol, told.mode)
        return [rows[name] for name in sorted(rows)]

    def _list(self) -> bytes:
        rows = self.rows()
        if rows != self._listed[0]:
            self._listed = rows, event("bots", msgspec.to_builtins(rows))
        return self._listed[1]

    async def _paced(
        self, changes: Callable[[], bytes], known: Callable[[], bool]
    ) -> AsyncIterator[bytes]:
        self.count += 1
        quiet = 0.0
        try:
            while not self._stopping() and known():
                wait = max(EVERY_SECONDS, self.count / PER_SECOND)
                part = changes()
                quiet = 0.0 if part else quiet + wait
                if part:
                    yield part
                elif quiet >= KEEP_ALIVE_SECONDS:
                    yield b": still here\n\n"
                    quiet = 0.0
                await asyncio.sleep(wait)
        finally:
            self.count -= 1
