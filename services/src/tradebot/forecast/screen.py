"""Which trades the stage accepts; one from the future would end minutes that are not over.

A trade further ahead of the venue's clock than the lag is held. The next trade that agrees with the
clock refutes it. If three consecutive trades continue from the new time, it was right: history is
replayed, or the venue was silent for a long time.
"""

from typing import Final, NamedTuple

from confluent_kafka import Message

from tradebot.records import TradeRecord

LAG_MS: Final = 120_000
"""How far ahead of the clock a trade may be: history may end that much before it."""

LAG_SECONDS: Final = 10.0
"""The same in real seconds, for exchange time that runs faster."""

FOLLOW_MS: Final = 600_000
"""A trade continues another if their times differ at most this much."""

CONFIRM: Final = 3
MOST: Final = 1000


class HeldTrade(NamedTuple):
    """A trade that is not accepted yet, and its message."""

    trade: TradeRecord
    message: Message


class Judged(NamedTuple):
    """The trades accepted now, and those found to be wrong."""

    believed: list[TradeRecord]
    refuted: list[HeldTrade]


class TradeScreen:
    """Checks one symbol's trades in the order of their topic.

    Args:
        speed: exchange milliseconds per real millisecond.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self._lag = int(max(LAG_MS, LAG_SECONDS * 1000 * speed))
        self._newest = 0
        self._held: list[HeldTrade] = []

    def judge(self, trade: TradeRecord, message: Message, now: int) -> Judged:
        """Returns which trades are accepted and refuted with this one.

        Args:
            now: the venue's time, ms; 0 if unknown.
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
