"""Records stamped far ahead of their symbol's clock, held until the log shows if they are right.

A record may be ahead for three reasons: its time is wrong, the feed was silent, or the replayed
history has a gap. Kafka's timestamps show a silence. Otherwise the following records decide: if
they continue from its time, numbered one by one, it was right; if they continue from the clock, it
was wrong. All of this is a function of the log alone.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from tradebot.domain.feed import Change

CONFIRM_MS: Final = 1000
"""A leap is accepted once consecutive records cover this much time after it."""

FOLLOW_MS: Final = 600_000
"""A record continues another if it is at most this much later."""

HOLD_MS: Final = 600_000
"""By Kafka's timestamps: a record neither confirmed nor refuted after this is rejected."""

MOST: Final = 20_000
"""Maximum records held per symbol; a whole book may come between two frames."""


class HeldRecord(msgspec.Struct, frozen=True, gc=False):
    """A record that is not accepted yet; `arrival` is Kafka's timestamp, ms."""

    change: Change
    offset: int
    arrival: int


class Suspects:
    """The held records of one symbol, as chains of consecutive records.

    Args:
        back: how far out of order, in ms, a record may follow.
    """

    def __init__(self, back: int) -> None:
        self._back = back
        self._chains: list[list[HeldRecord]] = []
        self._count = 0

    def __bool__(self) -> bool:
        return bool(self._chains)

    def __iter__(self) -> Iterator[HeldRecord]:
        """Iterates over all held records, in log order."""
        held = (one for chain in self._chains for one in chain)
        return iter(sorted(held, key=lambda one: one.offset))

    @property
    def first(self) -> HeldRecord:
        """The record held first."""
        return self._chains[0][0]

    @property
    def full(self) -> bool:
        """Whether the limit is reached."""
        return self._count >= MOST

    def add(self, held: HeldRecord) -> bool:
        """Holds a record; returns whether its chain is long enough to be accepted."""
        self._count += 1
        chain = next((one for one in self._chains if self._follows(held, one[-1])), None)
        if chain is None:
            self._chains.append([held])
            return False
        chain.append(held)
        return held.change.ts - chain[0].change.ts >= CONFIRM_MS

    def take(self, last: HeldRecord) -> tuple[list[HeldRecord], list[HeldRecord]]:
        """Releases all: those that `last` confirmed, and the others; both in log order."""
        chain = next(one for one in self._chains if one[-1] is last)
        low = chain[0].change.ts - FOLLOW_MS
        high = last.change.ts + self._back
        believed: list[HeldRecord] = []
        others: list[HeldRecord] = []
        for held in self.clear():
            (believed if low <= held.change.ts <= high else others).append(held)
        return believed, others

    def clear(self) -> list[HeldRecord]:
        """Releases all, in log order."""
        held = list(self)
        self._chains.clear()
        self._count = 0
        return held

    def _follows(self, held: HeldRecord, tail: HeldRecord) -> bool:
        ahead = held.change.ts - tail.change.ts
        numbered = held.change.seq == tail.change.seq + 1 and tail.change.seq >= 0
        unnumbered = held.change.seq < 0 and tail.change.seq < 0
        return (numbered or unnumbered) and -self._back <= ahead <= FOLLOW_MS
