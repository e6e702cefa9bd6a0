"""The windows of one symbol that are open, and what is known of its log so far."""

from collections import deque

import msgspec

from tradebot.domain.feed import UNNUMBERED, Change
from tradebot.domain.leaps import Suspects

EMPTY_WINDOWS = 60
"""Windows without a record that follow a symbol's last one before it counts as asleep."""

NEVER = -2
"""The seq before a symbol's first record: no record follows it without a gap."""

_AFTER_UNNUMBERED = -3
"""The seq after records that have none: no numbered record follows them without a gap."""


class WindowRules(msgspec.Struct, frozen=True):
    """Times in the venue's milliseconds; `grace` and `silence` are shorter than a window.

    `speed` is how many of them pass in one real millisecond.
    """

    length: int = 60_000
    grace: int = 1000
    silence: int = 10_000
    speed: float = 1.0


class Mark(msgspec.Struct, frozen=True):
    """A place in a symbol's log, and what is known of the symbol just before it.

    `seq` is that of the record before, `top` the newest window so far, `clock` the newest time
    that was believed and `arrival` Kafka's stamp of the record that told it.
    """

    offset: int
    seq: int
    top: int
    clock: int = 0
    arrival: int = 0


class WindowFlows(msgspec.Struct, gc=False):
    """The flows of one window; `index` × length is its start. Closed ones are never changed."""

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

    `clock` is the newest time (ms) that was believed, 0 before the first; `arrival` is Kafka's
    stamp of the record that told it. Until `end` (ms) a record that follows its forerunner
    changes the newest window alone. Records before `start` are accounted for. `well` and `sick`
    are the offsets of the last record that counted and of the last that did not.
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
    well: int = -1
    sick: int = -1
    open: deque[WindowFlows] = msgspec.field(default_factory=deque)

    def step(self, seq: int) -> bool:
        """Goes on to the record of that number; whether records before it may be missing."""
        before = self.seq
        if seq == UNNUMBERED:
            self.seq = _AFTER_UNNUMBERED if before == NEVER else before
            return before == NEVER
        self.seq = seq
        return seq != before + 1 or seq == 0

    def follow(self, seq: int, clock: int, offset: int, arrival: int) -> None:
        """Goes on to a record that followed its forerunner into the newest window."""
        self.seq, self.clock, self.well, self.arrival = seq, clock, offset, arrival

    def mark(self, offset: int) -> Mark:
        """What is known before the record at `offset`."""
        return Mark(offset, self.seq, self.top, self.clock, self.arrival)

    def advance(self, ts: int, mark: Mark, rules: WindowRules, *, complete: bool) -> None:
        """Opens the windows after `top` up to that of `ts`, those between without a record."""
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
