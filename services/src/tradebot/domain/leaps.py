"""Records stamped far ahead of their symbol's clock, held until the log shows whether to believe.

A record may be ahead for three reasons: its time is wrong; the feed was silent; or history is
replayed that has a hole. A silence shows in Kafka's own stamps. Otherwise only the records after it
tell: where they go on from its time, numbered one by one, it was right; where they go on from the
clock, it was wrong. All of this is a function of the log alone.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from tradebot.domain.feed import Change

CONFIRM_MS: Final = 1000
"""A leap is believed when records that follow each other have told of so much time after it."""

FOLLOW_MS: Final = 600_000
"""A record follows another in time if it is no further ahead of it than this."""

HOLD_MS: Final = 600_000
"""By Kafka's stamps: what nothing has confirmed or refuted after so long is not believed."""

MOST: Final = 20_000
"""Records held of one symbol; a whole book may come between two frames."""


class HeldRecord(msgspec.Struct, frozen=True, gc=False):
    """A record that is not believed yet; `arrival` is Kafka's stamp, ms."""

    change: Change
    offset: int
    arrival: int


class Suspects:
    """What is held of one symbol, as chains of records that follow each other.

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
        """All that is held, in log order."""
        held = (one for chain in self._chains for one in chain)
        return iter(sorted(held, key=lambda one: one.offset))

    @property
    def first(self) -> HeldRecord:
        """The one that came first."""
        return self._chains[0][0]

    @property
    def full(self) -> bool:
        """No more may be held."""
        return self._count >= MOST

    def add(self, held: HeldRecord) -> bool:
        """Holds a record; whether its chain is long enough to be believed."""
        self._count += 1
        chain = next((one for one in self._chains if self._follows(held, one[-1])), None)
        if chain is None:
            self._chains.append([held])
            return False
        chain.append(held)
        return held.change.ts - chain[0].change.ts >= CONFIRM_MS

    def take(self, last: HeldRecord) -> tuple[list[HeldRecord], list[HeldRecord]]:
        """Lets all go: those of the time that `last` confirmed, and the others; in log order."""
        chain = next(one for one in self._chains if one[-1] is last)
        low = chain[0].change.ts - FOLLOW_MS
        high = last.change.ts + self._back
        believed: list[HeldRecord] = []
        others: list[HeldRecord] = []
        for held in self.clear():
            (believed if low <= held.change.ts <= high else others).append(held)
        return believed, others

    def clear(self) -> list[HeldRecord]:
        """Lets all go, in log order."""
        held = list(self)
        self._chains.clear()
        self._count = 0
        return held

    def _follows(self, held: HeldRecord, tail: HeldRecord) -> bool:
        ahead = held.change.ts - tail.change.ts
        numbered = held.change.seq == tail.change.seq + 1 and tail.change.seq >= 0
        unnumbered = held.change.seq < 0 and tail.change.seq < 0
        return (numbered or unnumbered) and -self._back <= ahead <= FOLLOW_MS
