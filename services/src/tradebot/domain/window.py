"""Flows of an order book's sides in windows of event time, from one partition's log alone.

A window of a symbol is open while its records may still come. It closes when a record of its symbol
is stamped at or past the window's end plus `grace`, or, if the feed is silent, by the venue's clock
(`expire`). A window's contents are a function of the symbol's log alone: neither batch sizes nor a
restart at any checkpoint change them.

- `initial` records are state, not flow: they never count.
- A window is complete if every record of it was seen: no connect (seq 0), gap in `seq` or late
  start touches it, and another record came within `silence` of its end. So a window without any
  record is never complete: a quiet feed cannot be distinguished from a stalled one.
- A symbol's windows are contiguous, including empty ones, up to `EMPTY_WINDOWS` after its last
  record; then it is inactive until its next record.
- A record of a closed window is late: it is counted and dropped.

Flows are added in log order, one record at a time, so that floats agree to the last bit.
"""

from collections.abc import Sequence

from tradebot.domain import checkpoint as checkpoints
from tradebot.domain.checkpoint import Checkpoint, SymbolPlace
from tradebot.domain.feed import Change
from tradebot.domain.leaps import HOLD_MS, HeldRecord, Suspects
from tradebot.domain.symbol_windows import (
    EMPTY_WINDOWS,
    NEVER,
    Mark,
    SymbolWindows,
    WindowFlows,
    WindowRules,
)

MAX_SYMBOLS = 60
"""Symbols per partition: their checkpoint must fit 4096 bytes, Kafka's limit of metadata."""


class PartitionWindows:
    """The windows of all symbols of one partition.

    `next` is the offset after the last record processed. Records before `counted` were counted (as
    late or rejected) by whoever wrote the checkpoint. `late` counts late records since
    construction. `rejected` holds offset and reason of rejected records, for the caller to take.
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
            self.counted, places = checkpoints.read(checkpoint, rules.length)
            for place in places:
                self._restore(place)

    def feed(
        self, changes: Sequence[Change], offsets: Sequence[int], arrivals: Sequence[int]
    ) -> list[WindowFlows]:
        """Processes records in log order; returns the windows that they close, in order.

        Args:
            offsets: of the changes, rising; those below `next` are not given.
            arrivals: Kafka's timestamps of the changes, ms; 0 if there is none.
        """
        closed: list[WindowFlows] = []
        state: SymbolWindows | None = None
        window: WindowFlows | None = None
        symbol = ""
        clock = end = seq = events = turned = 0
        bid = ask = 0.0
        lead = self.rules.silence
        # The hot loop of the stage. A record that follows its predecessor into the newest window
        # touches only local variables; when the symbol changes, they are swapped; everything else
        # goes through `_turn`.
        for position, change in enumerate(changes):
            ts = change.ts
            if (
                0 <= ts - clock <= lead
                and ts < end
                and change.seq == seq
                and change.symbol == symbol
            ):
                clock = ts
            else:
                if state is not None and window is not None:
                    window.bid, window.ask, window.events = bid, ask, events
                    if position - 1 > turned:
                        state.follow(seq - 1, clock, offsets[position - 1], arrivals[position - 1])
                symbol = change.symbol
                state = self.symbols.get(symbol)
                if (
                    state is not None
                    and 0 <= ts - state.clock <= lead
                    and ts < state.end
                    and change.seq == state.seq + 1
                    and not state.suspects
                ):
                    window = state.open[-1]
                    state.follow(change.seq, ts, offsets[position], arrivals[position])
                else:
                    held = HeldRecord(change, offsets[position], arrivals[position])
                    window = self._turn(held, closed)
                    if window is None:
                        end = 0
                        continue
                    state = self.symbols[symbol]
                turned, clock, end, seq = position, state.clock, state.end, state.seq
                if window is not state.open[-1]:
                    end = 0  # an older window, out of order: the next record goes through `_turn`
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
            if len(changes) - 1 > turned:
                state.follow(seq - 1, clock, offsets[-1], arrivals[-1])
        if offsets:
            self.passed(offsets[-1] + 1)
            self._give_up(arrivals[-1], offsets[-1])
        return closed

    def passed(self, offset: int) -> None:
        """Marks all records before `offset` as processed or rejected."""
        self.next = max(self.next, offset)

    def due(self, symbol: str, now: int, idle: int) -> bool:
        """Whether `expire` would close a window."""
        state = self.symbols[symbol]
        return self._limit(state, now, idle) > state.low

    def expire(self, symbol: str, now: int, idle: int) -> list[WindowFlows]:
        """Closes a silent symbol's windows by the venue's clock; returns them in order.

        Call it only when the partition's log is read to its end.

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
        mark = state.mark(self.next)
        for index in range(max(state.top + 1, state.low), limit):
            state.open.append(WindowFlows(symbol, index, mark, complete=False))
        closed: list[WindowFlows] = []
        state.close(limit, closed)
        state.end = 0
        return closed

    def checkpoint(self) -> Checkpoint:
        """Returns what a restart needs to continue as if it had never stopped.

        The offset is that of the first record that an open window needs, or that is held. The
        metadata has each symbol's state there, but the current `low`: a record read again belongs
        to a window that is still open, or to one that is already published.
        """
        counted = max(self.counted, self.next)
        places = [self._place(state) for state in self.symbols.values()]
        return checkpoints.write(self.rules.length, counted, self.next, places)

    def _place(self, state: SymbolWindows) -> SymbolPlace:
        mark = state.open[0].mark if state.open else state.mark(self.next)
        offset = mark.offset
        if state.suspects:
            offset = min(offset, state.suspects.first.offset)
        return SymbolPlace(
            state.symbol, offset, state.low, mark.top, mark.seq, mark.clock, mark.arrival
        )

    def _limit(self, state: SymbolWindows, now: int, idle: int) -> int:
        """Returns the first window that the clock does not close yet."""
        if state.clock == 0:
            return state.low
        rules = self.rules
        limit = (now - rules.grace - max(idle, rules.silence)) // rules.length
        return min(limit, state.top + 1 + EMPTY_WINDOWS)

    def _restore(self, place: SymbolPlace) -> None:
        self.symbols[place.symbol] = SymbolWindows(
            place.symbol,
            place.low,
            place.top,
            place.seq,
            Suspects(self.rules.silence),
            clock=place.clock,
            arrival=place.arrival,
            start=place.offset,
        )

    def _turn(self, held: HeldRecord, closed: list[WindowFlows]) -> WindowFlows | None:
        """Handles a record that may open, flag or close windows; returns the record's own.

        Returns `None` if there is nothing to add: the record is late, accounted for, rejected or
        held, or it was added together with held records.
        """
        change = held.change
        state = self.symbols.get(change.symbol) or self._add_symbol(change.symbol, held.offset)
        if state is None or held.offset < state.start:
            return None
        suspects = state.suspects
        if suspects and held.arrival - suspects.first.arrival > HOLD_MS:
            self._refute(state, suspects.clear(), held.offset)
        if self._leaps(state, held):
            state.last_rejected = held.offset
            if suspects.add(held):
                self._confirm(state, held, closed)
            elif suspects.full:
                self._refute(state, suspects.clear(), held.offset)
            return None
        if suspects and change.ts >= state.clock - self.rules.silence:
            self._refute(state, suspects.clear(), held.offset)
        return self._accept(state, held, held.offset, state.mark(held.offset), closed)

    def _leaps(self, state: SymbolWindows, held: HeldRecord) -> bool:
        """Whether the time is further ahead of the symbol's clock than a silence explains."""
        if state.clock == 0:
            return True
        silent = max(0, held.arrival - state.arrival) * self.rules.speed if state.arrival else 0
        return held.change.ts - state.clock > self.rules.silence + silent

    def _confirm(self, state: SymbolWindows, last: HeldRecord, closed: list[WindowFlows]) -> None:
        """Accepts the held records that `last` confirmed."""
        believed, others = state.suspects.take(last)
        self._refute(state, others, last.offset)
        mark = state.mark(believed[0].offset)
        if state.clock == 0:
            first = believed[0].change.ts // self.rules.length
            state.low, state.top = max(state.low, first), first - 1
        for held in believed:
            window = self._accept(state, held, last.offset, mark, closed)
            if window is not None:
                window.add(held.change)

    def _refute(self, state: SymbolWindows, refuted: list[HeldRecord], decided: int) -> None:
        """Rejects held records; `decided` is the offset of the record that decided it."""
        if decided < self.counted:
            return
        for held in refuted:
            ahead = held.change.ts - state.clock
            why = f"{ahead / 1000:.0f} s ahead of its symbol's clock" if state.clock else "no time"
            self.rejected.append((held.offset, f"its time is {why} that other records confirm"))

    def _give_up(self, arrival: int, decided: int) -> None:
        """Rejects records held for long, of symbols without further records."""
        for state in self.symbols.values():
            if state.suspects and arrival - state.suspects.first.arrival > HOLD_MS:
                self._refute(state, state.suspects.clear(), decided)

    def _accept(
        self,
        state: SymbolWindows,
        held: HeldRecord,
        decided: int,
        mark: Mark,
        closed: list[WindowFlows],
    ) -> WindowFlows | None:
        """Accepts a record's time; returns its window, `None` if it is late."""
        rules, ts = self.rules, held.change.ts
        index = ts // rules.length
        broken = state.step(held.change.seq)
        if ts >= state.clock:
            state.clock, state.arrival = ts, held.arrival
        if broken:
            for window in state.open:
                window.complete = window.complete and window.index < min(index, state.top)
        if index < state.low:
            state.top = max(state.top, index)
            state.last_rejected = held.offset
            if decided >= self.counted:
                self.late += 1
            return None
        state.last_counted = held.offset
        if index > state.top:
            state.advance(ts, mark, rules, complete=not broken)
        low = (ts - rules.grace) // rules.length
        if state.open[-1].index - state.open[0].index >= len(state.open):
            low = index  # windows are missing after an inactive time, so none before may stay open
        if low > state.low:
            state.close(low, closed)
        # Up to the end of the newest window, or to where an older one closes before that.
        stretch = rules.grace if state.low < state.top else rules.length
        state.end = state.top * rules.length + stretch
        return state.open[index - state.low]

    def _add_symbol(self, symbol: str, offset: int) -> SymbolWindows | None:
        """Returns the state of a symbol never seen before."""
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
        state = SymbolWindows(symbol, 0, -1, NEVER, Suspects(self.rules.silence), start=offset)
        self.symbols[symbol] = state
        return state
