"""One partition of the feed: its windows, and the task that writes their results.

Reading continues during a transaction: windows that close meanwhile go into the next one. Every
failure (fenced by a new owner, broker gone) is handled in the same way: drop all state, take over
the partition again, and read on from the committed offset.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from time import monotonic, time

from aiokafka.structs import ConsumerRecord
from faust.types import TP

from tradebot.domain.symbol_windows import WindowFlows
from tradebot.domain.window import PartitionWindows
from tradebot.liquidity import metrics
from tradebot.liquidity.decoding import Unreadable, decode
from tradebot.liquidity.output import Output
from tradebot.liquidity.results import Place, dead_letter, window_messages
from tradebot.liquidity.transport import Fetch, FetchScheduler
from tradebot.platform import dead_letters, logs
from tradebot.platform.clock import VenueClock
from tradebot.platform.exactly_once import GroupOffsets, Message

RETRY_SECONDS = 1.0
LATE_SECONDS = 5.0
"""Only late records for this many real seconds is a fault that a person should see."""

STAMP_MS = 3_600_000
"""Kafka's timestamp of a record may be this far ahead of this machine's clock, as brokers allow."""

_log = logs.get("liquidity.partition")


class FeedPartition:
    """A partition that this worker owns; `run` is its task, `take` and `tick` feed it."""

    def __init__(
        self,
        tp: TP,
        place: Place,
        output: Output,
        offsets: GroupOffsets,
        seek: Callable[[TP, int], Awaitable[None]],
    ) -> None:
        self.tp = tp
        self.windows: PartitionWindows | None = None
        self.trouble: str | None = "it is being taken over"
        self.last_record = monotonic()
        self.reached: int | None = None
        """The offset after the last record read; it stays during a takeover."""
        self._place = place
        self._output = output
        self._offsets = offsets
        self._seek = seek
        self._clocks: dict[str, VenueClock] = {}
        self._heard: dict[str, int] = {}
        self._pending: list[Message] = []
        self._pending_windows: list[WindowFlows] = []
        self._wake = asyncio.Event()
        self._missed = False
        self._barrier = 0
        self._hole: tuple[int, int] | None = None
        self._held: dict[int, bytes] = {}
        """The values of records that the windows hold, by offset."""
        self._uncounted_since: dict[str, float] = {}
        """By symbol: since when records have come and none has counted."""
        self._last_counted: dict[str, int] = {}
        self._label = str(tp.partition)
        metrics.from_zero(self._label)

    async def run(self) -> None:
        """Takes over the partition and writes its results, until cancelled."""
        while True:
            try:
                await self._open()
                await self._write_forever()
            except Exception as error:
                self.windows = None
                self.trouble = str(error) or type(error).__name__
                metrics.RESETS.labels(self._label).inc()
                _log.warning("partition reset", partition=self.tp.partition, error=self.trouble)
            await asyncio.sleep(RETRY_SECONDS)

    def take(self, fetch: Fetch) -> None:
        """Reads a fetch; one from before the last seek is dropped."""
        windows = self.windows
        if windows is None or self._missed or fetch.serial <= self._barrier:
            return
        fetched = fetch.records
        first = fetched[0].offset
        if first < windows.next:
            fetched = [record for record in fetched if record.offset >= windows.next]
            if not fetched:
                return
        elif first > windows.next and self._hole != (windows.next, first):
            # Faust drops fetches around a rebalance, and one may be in flight during a seek. A
            # gap that remains after a second read is in the log itself: a transaction's marker,
            # or records that retention deleted.
            self._hole = (windows.next, first)
            self._missed = True
            self._wake.set()
            return
        latest = int(time() * 1000) + STAMP_MS
        decoded = decode(fetched, own=self._place.own, latest=latest)
        late = windows.late
        closed = windows.feed(decoded.changes, decoded.offsets, decoded.arrivals)
        windows.passed(fetched[-1].offset + 1)
        self.reached = windows.next
        self._note_arrival(len(fetched), windows.late - late)
        self._observe(windows)
        fresh = [bad for bad in decoded.unreadable if bad.offset >= windows.counted]
        self._send(closed, fresh + self._rejected(windows, fetched))

    async def tick(self) -> None:
        """Closes the windows of silent symbols, if the log is read to its end.

        Raises:
            KafkaException: the broker did not report where the log ends.
        """
        windows = self.windows
        if windows is None:
            return
        idle = int(max(self._place.rules.silence, 2000 * self._place.speed))
        due = [
            symbol
            for symbol, clock in self._clocks.items()
            if windows.due(symbol, clock.now(), idle)
        ]
        if not due:
            return
        _, end = await asyncio.to_thread(self._offsets.bounds, *self.tp)
        if windows is not self.windows or end > windows.next:
            return
        for symbol in due:
            self._send(windows.expire(symbol, self._clocks[symbol].now(), idle), [])

    def has_symbols(self) -> bool:
        """Whether any symbol has been seen here."""
        return self.windows is not None and bool(self.windows.symbols)

    def stuck_symbol(self) -> str | None:
        """Returns a sentence if a symbol's records come but have not counted for a while."""
        for symbol, since in self._uncounted_since.items():
            if monotonic() - since >= LATE_SECONDS:
                place = f"{self.tp.topic}-{self.tp.partition}"
                return (
                    f"every record of {symbol} in {place} is older than windows that are already "
                    "closed, or ahead of the symbol's clock. If the venue's time went back, use "
                    "another --topic-prefix or --group"
                )
        return None

    async def _open(self) -> None:
        committed = await self._output.open()
        first, end = await asyncio.to_thread(self._offsets.bounds, *self.tp)
        if committed is not None and committed.offset > end:
            _log.warning("the feed topic was recreated", partition=self.tp.partition, end=end)
            committed = None
        windows = PartitionWindows(self._place.rules, committed)
        windows.passed(first)
        self._clocks.clear()
        self._heard.clear()
        self._held.clear()
        self._uncounted_since.clear()
        self._last_counted.clear()
        self._observe(windows)
        self._pending.clear()
        self._pending_windows.clear()
        self._hole = None
        self.windows = windows
        self.reached = windows.next
        await self._read_on(windows)
        self.trouble = None
        _log.info("took over the partition", partition=self.tp.partition, offset=windows.next)

    async def _write_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            assert self.windows is not None
            if self._missed:
                _log.info("read again", partition=self.tp.partition, offset=self.windows.next)
                await self._read_on(self.windows)
            if not self._pending:
                continue
            messages, self._pending = self._pending, []
            written, self._pending_windows = self._pending_windows, []
            await self._output.write(messages, self.windows.checkpoint())
            for window in written:
                metrics.WINDOWS.labels(window.symbol, str(window.complete).lower()).inc()
                end = (window.index + 1) * self._place.rules.length
                metrics.LAST_WINDOW_END.labels(window.symbol).set(end / 1000)

    async def _read_on(self, windows: PartitionWindows) -> None:
        """Seeks to the record after the last one read; earlier fetches do not count."""
        self._missed = True
        await self._seek(self.tp, windows.next)
        self._barrier = FetchScheduler.serial
        self._missed = False

    def _send(self, closed: Sequence[WindowFlows], unreadable: Sequence[Unreadable]) -> None:
        for window in closed:
            self._pending.extend(window_messages(window, self._place))
        self._pending_windows.extend(closed)
        letters = [dead_letter(self.tp, bad) for bad in unreadable]
        dead_letters.note(letters)
        for letter in letters:
            self._pending.append(dead_letters.message(letter, self._place.topics.dead_letters))
        if self._pending:
            self._wake.set()

    def _rejected(
        self, windows: PartitionWindows, fetched: Sequence[ConsumerRecord]
    ) -> list[Unreadable]:
        """Takes the windows' rejected records; keeps the values of those still held."""
        suspects = [state.suspects for state in windows.symbols.values() if state.suspects]
        if not windows.rejected and not suspects and not self._held:
            return []
        values = self._held | {record.offset: record.value for record in fetched}
        rejected = [Unreadable(at, why, values.get(at, b"")) for at, why in windows.rejected]
        windows.rejected.clear()
        self._held = {
            held.offset: values.get(held.offset, b"") for held in chain.from_iterable(suspects)
        }
        return rejected

    def _note_arrival(self, count: int, late: int) -> None:
        self.last_record = monotonic()
        metrics.EVENTS.inc(count)
        if late:
            metrics.LATE.labels(self._label).inc(late)

    def _observe(self, windows: PartitionWindows) -> None:
        """Updates the clocks of the symbols that had records, and which of them are stuck."""
        for symbol, state in windows.symbols.items():
            if state.last_counted > self._last_counted.get(symbol, -1):
                self._last_counted[symbol] = state.last_counted
                self._uncounted_since.pop(symbol, None)
            elif state.last_rejected > state.last_counted:
                self._uncounted_since.setdefault(symbol, monotonic())
            if state.clock and state.clock != self._heard.get(symbol):
                self._heard[symbol] = state.clock
                if symbol not in self._clocks:
                    self._clocks[symbol] = VenueClock(self._place.speed)
                    metrics.symbol_from_zero(symbol)
                self._clocks[symbol].follow(state.clock)
