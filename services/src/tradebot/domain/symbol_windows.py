"""The open windows of one symbol, and the state of reading its log."""

from collections import deque

import msgspec

from tradebot.domain.feed import UNNUMBERED, Change
from tradebot.domain.leaps import Suspects

EMPTY_WINDOWS = 60
"""Empty windows after a symbol's last record until it counts as inactive."""

NEVER = -2
"""The seq before a symbol's first record: any record after it shows a gap."""

_AFTER_UNNUMBERED = -3
"""The seq after records without one: any numbered record after it shows a gap."""


class WindowRules(msgspec.Struct, frozen=True):
    """Times in the venue's milliseconds; `grace` and `silence` are shorter than a window.

    `speed` is exchange milliseconds per real millisecond.
    """

    length: int = 60_000
    grace: int = 1000
    silence: int = 10_000
    speed: float = 1.0


class Mark(msgspec.Struct, frozen=True):
    """A position in a symbol's log, and the symbol's state just before it.

    `seq` is that of the previous record, `top` the newest window so far, `clock` the newest
    accepted time and `arrival` Kafka's timestamp of the record that had it.
    """

    offset: int
    seq: int
    top: int
    clock: int = 0
    arrival: int = 0


class WindowFlows(msgspec.Struct, gc=False):
    """The flows of one window, which starts at `index` × length. Closed ones never change."""

    symbol: str
    index: int
    mark: Mark
    complete: bool
    bid: float = 0.0
    ask: float = 0.0
    events: int = 0

    @property
    def ratio(self) -> float | None:
        """Bid flow / ask flow; `None` where a side was empty."""
        return self.bid / self.ask if self.bid > 0 and self.ask > 0 else None

    def add(self, change: Change) -> None:
        """Adds a record's flow, as `PartitionWindows.feed` does."""
        if change.reason == "initial":
            return
        self.events += 1
        if change.side == "bid":
            self.bid += change.price * change.remaining
        else:
            self.ask += change.price * change.remaining


class SymbolWindows(msgspec.Struct):
    """The open windows of one symbol: those from `low` to `top`, in order.

    `clock` is the newest accepted time (ms), 0 before the first; `arrival` is Kafka's timestamp of
    the record that had it. Until `end` (ms) a record that follows its predecessor changes the
    newest window alone. Records before `start` are accounted for. `last_counted` and
    `last_rejected` are the offsets of the last record that counted and of the last that did not.
    """

    symbol: str
    low: int
    top: int
    seq: int
    suspects: Suspects
    clock: int = 0
    arrival: int = 0
    end: int = 0
    start: int = 0
    last_counted: int = -1
    last_rejected: int = -1
    open: deque[WindowFlows] = msgspec.field(default_factory=deque)

    def step(self, seq: int) -> bool:
        """Moves on to the record with that number; returns whether records may be missing."""
        before = self.seq
        if seq == UNNUMBERED:
            self.seq = _AFTER_UNNUMBERED if before == NEVER else before
            return before == NEVER
        self.seq = seq
        return seq != before + 1 or seq == 0

    def follow(self, seq: int, clock: int, offset: int, arrival: int) -> None:
        """Moves on to a record that follows its predecessor into the newest window."""
        self.seq, self.clock, self.last_counted, self.arrival = seq, clock, offset, arrival

    def mark(self, offset: int) -> Mark:
        """Returns the state before the record at `offset`."""
        return Mark(offset, self.seq, self.top, self.clock, self.arrival)

    def advance(self, ts: int, mark: Mark, rules: WindowRules, *, complete: bool) -> None:
        """Opens the windows after `top` up to that of `ts`; those between are empty."""
        length = rules.length
        index = ts // length
        if self.open and ts > (self.top + 1) * length + rules.silence:
            self.open[-1].complete = False
        for empty in range(max(self.top + 1, self.low), min(index, self.top + 1 + EMPTY_WINDOWS)):
            self.open.append(WindowFlows(self.symbol, empty, mark, complete=False))
        if not self.open:
            self.low = index
        self.open.append(WindowFlows(self.symbol, index, mark, complete=complete))
        self.top = index

    def close(self, limit: int, closed: list[WindowFlows]) -> None:
        """Moves the windows before `limit` to `closed`."""
        while self.open and self.open[0].index < limit:
            closed.append(self.open.popleft())
        self.low = limit
