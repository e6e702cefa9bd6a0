"""Which trades the stage believes; one from the future would end minutes that are not over.

A trade further ahead of the venue's clock than the lag is held. The next trade on the clock's time
refutes it. Where three in a row go on from the new time, it was right: history is replayed, or the
venue was silent for long.
"""

from typing import Final, NamedTuple

from confluent_kafka import Message

from tradebot.records import TradeRecord

LAG_MS: Final = 120_000
"""How far ahead of the clock a trade may be: as old as the end of a history that was just read."""

LAG_SECONDS: Final = 10.0
"""The same in real seconds, in which exchange time may run faster."""

FOLLOW_MS: Final = 600_000
"""A trade follows another in time if it is no further from it."""

CONFIRM: Final = 3
MOST: Final = 1000


class HeldTrade(NamedTuple):
    """A trade that is not believed yet, and where it came from."""

    trade: TradeRecord
    message: Message


class Judged(NamedTuple):
    """The trades that are believed now, and what turned out to be wrong."""

    believed: list[TradeRecord]
    refuted: list[HeldTrade]


class TradeScreen:
    """Judges one symbol's trades in the order of their topic.

    Args:
        speed: exchange time runs this many times as fast.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self._lag = int(max(LAG_MS, LAG_SECONDS * 1000 * speed))
        self._newest = 0
        self._held: list[HeldTrade] = []

    def judge(self, trade: TradeRecord, message: Message, now: int) -> Judged:
        """What is believed after this trade.

        Args:
            now: the venue's time, ms; 0 where it is not known.
        """
        if 0 < trade.ts <= max(now, self._newest) + self._lag and (now or self._newest):
            refuted, self._held = self._held, []
            self._newest = max(self._newest, trade.ts)
            return Judged([trade], refuted)
        self._held.append(HeldTrade(trade, message))
        last = self._held[-CONFIRM:]
        if len(last) == CONFIRM and all(map(_follows, last, last[1:])):
            refuted, self._held = self._held[:-CONFIRM], []
            self._newest = max(held.trade.ts for held in last)
            return Judged([held.trade for held in last], refuted)
        return Judged([], [self._held.pop(0)] if len(self._held) > MOST else [])


def _follows(one: HeldTrade, after: HeldTrade) -> bool:
    near = abs(after.trade.ts - one.trade.ts) <= FOLLOW_MS
    return near and after.trade.tid > one.trade.tid
