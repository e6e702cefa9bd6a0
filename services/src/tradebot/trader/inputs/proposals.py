"""The proposals of the strategy that the bot follows, and which of them may still count."""

import asyncio
from decimal import Decimal
from typing import Final

from tradebot.domain.situation import Exits, Suggestion
from tradebot.records import ProposalRecord, ProposedExits

LAST_PROPOSALS: Final = 50
"""Records of a partition that are read again at a start; other proposers' may be among them."""

KEPT: Final = 16
MINUTE_MS: Final = 60_000


class Proposals:
    """Keeps the newest proposals, of each bar the first.

    Args:
        proposer: the key that is followed; empty, nothing is ever waited for.
        wait_seconds: real seconds that a window waits for the proposal of its bar.
    """

    def __init__(self, symbol: str, proposer: str, wait_seconds: float) -> None:
        self.proposer = proposer
        self._symbol = symbol
        self._wait_seconds = wait_seconds
        self._known: dict[int, ProposalRecord] = {}
        self._came = asyncio.Event()
        self._accounted = 0
        """End (ms) of the newest window that was decided on."""

    @classmethod
    def none(cls) -> "Proposals":
        """Those of a bot that follows the report's rule."""
        return cls("", "", 0.0)

    @property
    def newest(self) -> ProposalRecord | None:
        """That of the latest bar."""
        return self._known[max(self._known)] if self._known else None

    def take(self, record: ProposalRecord, *, past: bool = False) -> str | None:
        """Takes a plausible record of the proposer; why it never counts, or `None`.

        Args:
            past: it was there before the trader started, so that being late is no fault.
        """
        if record.symbol != self._symbol:
            return f"symbol is {record.symbol}, but the bot trades {self._symbol}"
        if record.bar_end in self._known:
            return None
        if record.bar_end <= self._accounted and not past:
            late = (self._accounted - record.bar_end) / 1000
            return (
                f"it is stale: its window was decided on before, and the newest is {late:.0f} s"
                " newer"
            )
        self._known[record.bar_end] = record
        for old in sorted(self._known)[:-KEPT]:
            del self._known[old]
        self._came.set()
        return None

    async def of_window(self, end: int, *, fresh: bool) -> Suggestion | None:
        """The suggestion for the window that ends at `end` (ms); waits for it a moment.

        Args:
            fresh: the window may still be traded on, so that waiting makes sense.
        """
        if not self.proposer:
            return None
        if fresh and self._due(end):
            try:
                async with asyncio.timeout(self._wait_seconds):
                    while end not in self._known:
                        self._came.clear()
                        await self._came.wait()
            except TimeoutError:
                pass
        self._accounted = max(self._accounted, end)
        record = self._known.get(end)
        return None if record is None else suggestion_of(record)

    def exits(self) -> Exits | None:
        """The exits that the newest proposal asks for."""
        newest = self.newest
        return None if newest is None or newest.exits is None else _exits(newest.exits)

    def _due(self, end: int) -> bool:
        """Whether a bar ends with the window; of an unknown length, it may."""
        step = 0 if self.newest is None else self.newest.step_ms
        return not step or end % step == 0


def suggestion_of(record: ProposalRecord) -> Suggestion:
    """The record as a decision sees it."""
    return Suggestion(
        id=record.id,
        strategy=record.strategy,
        digest=record.digest,
        data=record.inputs,
        bar_end=record.bar_end,
        side=record.side,
        size=Decimal(record.size),
        sizing=record.sizing,
        limit=_decimal(record.limit),
        stop=_decimal(record.stop),
        reason=record.reason,
        failing=record.failing,
        adds=record.adds,
    )


def _exits(exits: ProposedExits) -> Exits:
    hold, signal = exits.max_hold_minutes, exits.no_signal_minutes
    return Exits(
        stop_loss=_decimal(exits.stop_loss),
        trailing_stop=_decimal(exits.trailing_stop),
        take_profit=_decimal(exits.take_profit),
        max_hold_ms=None if hold is None else hold * MINUTE_MS,
        no_signal_ms=None if signal is None else signal * MINUTE_MS,
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
