"""Flows of a book's sides in windows of event time: what one partition's log says, and no more.

A window of a symbol is open while its records may still come. It closes when a record of its
symbol is stamped at or past the window's end plus `grace`, or, where the feed falls silent, by
the venue's clock (`expire`). What a window holds is a function of the symbol's log alone: neither
the sizes of the batches in which the log is read nor a restart at any checkpoint changes it.

- `initial` records are state, not flow: they never count.
- A window is complete if every record of it was seen: no connect (seq 0), no step in `seq` other
  than one, no late start touches it, and the symbol spoke again within `silence` of its end. So a
  window without any record is never complete: a feed that says nothing for so long cannot be told
  from one that is stalled.
- A symbol's windows follow each other without a hole, the empty ones too, up to `EMPTY_WINDOWS`
  after its last record; then it is asleep until its next record.
- A record of a window that is closed is late: it is counted and dropped.

Sums are added in log order, one record at a time: floats then agree to the last bit.
"""

from collections import deque
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

EMPTY_WINDOWS = 60
"""Windows without a record that follow a symbol's last one before it counts as asleep."""

MAX_SYMBOLS = 60
"""Symbols of one partition: their checkpoint must fit 4096 bytes, Kafka's limit of metadata."""

_NEVER = -2
"""The seq before a symbol's first record: no record follows it without a gap."""


class Change(msgspec.Struct, gc=False):
    """One change of one level of the book, its numbers as floats.

    The bounds of `ts` (ms, 2009 to 2100) keep out seconds and microseconds, which would move the
    watermark permanently; those of the numbers keep out infinities and NaN, and a `seq` that no
    checkpoint could hold.
    """

    side: Literal["bid", "ask"]
    price: Annotated[float, msgspec.Meta(gt=0, le=1e12)]
    remaining: Annotated[float, msgspec.Meta(ge=0, le=1e15)]
    symbol: str
    ts: Annotated[int, msgspec.Meta(ge=1_230_768_000_000, lt=4_102_444_800_000)]
    reason: Literal["initial", "place", "cancel", "trade"]
    seq: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


class WindowRules(msgspec.Struct, frozen=True):
    """Times in the venue's milliseconds; `grace` and `silence` are shorter than a window."""

    length: int = 60_000
    grace: int = 1000
    silence: int = 10_000


class Mark(msgspec.Struct, frozen=True):
    """A place in a symbol's log, and what is known of the symbol just before it.

    `seq` is that of the record before, `top` the newest window so far.
    """

    offset: int
    seq: int
    top: int


class Window(msgspec.Struct, gc=False):
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


class SymbolWindows(msgspec.Struct):
    """The open windows of one symbol: those from `low` to `top`, in order.

    From `start` to `end` (ms) a record that follows its forerunner changes the newest window
    alone.
    """

    symbol: str
    low: int
    top: int
    seq: int
    last_ts: int = 0
    start: int = 0
    end: int = 0
    open: deque[Window] = msgspec.field(default_factory=deque)


class Checkpoint(msgspec.Struct, frozen=True):
    """Where a restart reads on, and what it must know: an offset and its metadata."""

    offset: int
    metadata: str


class CheckpointError(ValueError):
    """The metadata of a committed offset is not of these windows."""


class PartitionWindows:
    """The windows of all symbols of one partition.

    `next` is the offset after the last record fed. What comes before `counted` was counted (as
    late, or rejected) by whoever wrote the checkpoint. `late` counts late records since
    construction. `rejected` holds offset and reason of records that cannot be taken; the caller
    takes them out.
    """

    def __init__(self, rules: WindowRules, checkpoint: Checkpoint | None = None) -> None:
        self.rules = rules
        self.symbols: dict[str, SymbolWindows] = {}
        self.next = 0
        self.counted = 0
        self.late = 0
        self.rejected: list[tuple[int, str]] = []
        if checkpoint is not None:
            self.next = checkpoint.offset
            self.counted = max(checkpoint.offset, self._restore(checkpoint.metadata))

    def feed(self, changes: Sequence[Change], offsets: Sequence[int]) -> list[Window]:
        """Takes records in log order; returns the windows that they close, in order.

        Args:
            offsets: of the changes, rising; those below `next` are not given.
        """
        closed: list[Window] = []
        state: SymbolWindows | None = None
        window: Window | None = None
        symbol = ""
        start = end = seq = events = 0
        bid = ask = 0.0
        # The loop that carries the stage's speed. A record that follows its forerunner into the
        # newest window touches local names only; where symbols alternate, the names change hands;
        # all else is a turn.
        for position, change in enumerate(changes):
            ts = change.ts
            if not (start <= ts < end and change.seq == seq and change.symbol == symbol):
                if state is not None and window is not None:
                    window.bid, window.ask, window.events = bid, ask, events
                    state.seq, state.last_ts = seq - 1, changes[position - 1].ts
                symbol, seq = change.symbol, change.seq
                state = self.symbols.get(symbol)
                if state is not None and state.start <= ts < state.end and seq == state.seq + 1:
                    window = state.open[-1]
                else:
                    window = self._turn(change, offsets[position], closed)
                    if window is None:
                        end = 0
                        continue
                    state = self.symbols[symbol]
                start, end = state.start, state.end
                if window is not state.open[-1]:
                    end = 0  # an older one, out of order: the next record takes its own turn
                bid, ask, events = window.bid, window.ask, window.events
            seq += 1
            if change.reason != "initial":
                events += 1
                if change.side == "bid":
                    bid += change.price * change.remaining
                else:
                    ask += change.price * change.remaining
        if state is not None and window is not None:
            window.bid, window.ask, window.events = bid, ask, events
            state.seq, state.last_ts = seq - 1, changes[-1].ts
        if offsets:
            self.passed(offsets[-1] + 1)
        return closed

    def passed(self, offset: int) -> None:
        """All before `offset` is dealt with, be it fed or put aside."""
        self.next = max(self.next, offset)

    def due(self, symbol: str, now: int, idle: int) -> bool:
        """Whether `expire` would close a window."""
        state = self.symbols[symbol]
        return self._limit(state, now, idle) > state.low

    def expire(self, symbol: str, now: int, idle: int) -> list[Window]:
        """Closes a silent symbol's windows by the venue's clock; returns them in order.

        To be asked only when the partition's log is read to its end.

        Args:
            now: the venue's time, ms.
            idle: how long after an end the symbol must have been silent, ms; at least `silence`.
        """
        state = self.symbols[symbol]
        limit = self._limit(state, now, idle)
        if limit <= state.low:
            return []
        if state.open and state.top < limit:
            state.open[-1].complete = False
        mark = Mark(self.next, state.seq, state.top)
        for index in range(max(state.top + 1, state.low), limit):
            state.open.append(Window(symbol, index, mark, complete=False))
        closed: list[Window] = []
        _close(state, limit, closed)
        state.end = 0
        return closed

    def checkpoint(self) -> Checkpoint:
        """What a restart needs to go on as if it had never stopped.

        The offset is that of the first record that an open window rests on. The metadata tells
        of each symbol what was known there, but `low` as of now: a record read again falls into
        a window that is still open, or into one that is out already.
        """
        offset = self.next
        head = f"1 {self.rules.length} {max(self.counted, self.next)}"
        parts = [head]
        for state in self.symbols.values():
            top, seq = state.top, state.seq
            if state.open:
                mark = state.open[0].mark
                top, seq = mark.top, mark.seq
                offset = min(offset, mark.offset)
            parts.append(f"{state.symbol},{state.low},{top},{seq}")
        return Checkpoint(offset, " ".join(parts))

    def _limit(self, state: SymbolWindows, now: int, idle: int) -> int:
        """The first window that the clock does not close yet."""
        rules = self.rules
        limit = (now - rules.grace - max(idle, rules.silence)) // rules.length
        return min(limit, state.top + 1 + EMPTY_WINDOWS)

    def _restore(self, metadata: str) -> int:
        """Takes the symbols of a checkpoint; returns its `counted`."""
        if not metadata:
            return 0
        try:
            version, length, counted, *parts = metadata.split(" ")
            if (version, length) != ("1", str(self.rules.length)):
                raise ValueError(metadata)
            for part in parts:
                symbol, low, top, seq = part.split(",")
                self.symbols[symbol] = SymbolWindows(symbol, int(low), int(top), int(seq))
            return int(counted)
        except ValueError:
            raise CheckpointError(
                f"the committed offset contains {metadata!r}, which is not from windows of "
                f"{self.rules.length} ms"
            ) from None

    def _turn(self, change: Change, offset: int, closed: list[Window]) -> Window | None:
        """Deals with a record that may open, flag or close windows; returns the record's own.

        `None`: the record does not count, because it is late, accounted for, or rejected.
        """
        index = change.ts // self.rules.length
        state = self.symbols.get(change.symbol)
        if state is None:
            state = self._meet(change.symbol, offset, index)
            if state is None:
                return None
        before, state.seq = state.seq, change.seq
        state.last_ts = change.ts
        broken = change.seq != before + 1 or change.seq == 0
        if broken:
            for window in state.open:
                window.complete = window.complete and window.index < min(index, state.top)
        if index < state.low:
            if offset >= self.counted:
                self.late += 1
            return None
        if index > state.top:
            self._advance(state, change.ts, Mark(offset, before, state.top), complete=not broken)
        low = (change.ts - self.rules.grace) // self.rules.length
        if state.open[-1].index - state.open[0].index >= len(state.open):
            low = index  # the symbol slept: windows are missing, so none before may stay open
        if low > state.low:
            _close(state, low, closed)
        self._set_stretch(state)
        return state.open[index - state.low]

    def _set_stretch(self, state: SymbolWindows) -> None:
        """Up to the end of the newest window, or to where an older one closes before."""
        state.start = state.top * self.rules.length
        state.end = state.start + (self.rules.grace if state.low < state.top else self.rules.length)

    def _meet(self, symbol: str, offset: int, index: int) -> SymbolWindows | None:
        """The state of a symbol never seen before, whose first window is that of this record."""
        reason = ""
        if not (symbol.isascii() and symbol.isalnum() and len(symbol) <= 16):
            reason = f"{symbol!r} is not a symbol"
        elif len(self.symbols) >= MAX_SYMBOLS:
            reason = (
                f"the partition has the maximum of {MAX_SYMBOLS} symbols: add partitions to the "
                "topic"
            )
        if reason:
            if offset >= self.counted:
                self.rejected.append((offset, reason))
            return None
        state = SymbolWindows(symbol, low=index, top=index - 1, seq=_NEVER)
        self.symbols[symbol] = state
        return state

    def _advance(self, state: SymbolWindows, ts: int, mark: Mark, *, complete: bool) -> None:
        """Opens the windows after `top` up to that of `ts`, those between without a record."""
        length = self.rules.length
        index = ts // length
        if state.open and ts > (state.top + 1) * length + self.rules.silence:
            state.open[-1].complete = False
        for empty in range(
            max(state.top + 1, state.low), min(index, state.top + 1 + EMPTY_WINDOWS)
        ):
            state.open.append(Window(state.symbol, empty, mark, complete=False))
        if not state.open:
            state.low = index
        state.open.append(Window(state.symbol, index, mark, complete=complete))
        state.top = index


def _close(state: SymbolWindows, limit: int, closed: list[Window]) -> None:
    """Moves the windows before `limit` to `closed`."""
    while state.open and state.open[0].index < limit:
        closed.append(state.open.popleft())
    state.low = limit
