"""The messages that the stage writes: three records per window, and dead letters."""

from typing import Literal, NamedTuple

from faust.types import TP

from tradebot.domain.symbol_windows import WindowFlows, WindowRules
from tradebot.liquidity import STAGE
from tradebot.liquidity.decoding import Unreadable
from tradebot.platform.exactly_once import Message
from tradebot.platform.topics import Topics
from tradebot.records import DeadLetter, LiquidityRecord, encode


class Place(NamedTuple):
    """The output of a partition: topics, partition and window length."""

    topics: Topics
    out_partition: int
    rules: WindowRules
    speed: float
    own: str = ""


def window_records(window: WindowFlows, length: int) -> tuple[LiquidityRecord, ...]:
    """Returns the window's three records in the report's order: ask, bid, price_volume.

    Args:
        length: of a window, ms.
    """
    end = (window.index + 1) * length

    def record(kind: Literal["ask", "bid", "price_volume"], value: float | None) -> LiquidityRecord:
        return LiquidityRecord(
            type=kind,
            value=value,
            timestamp=end // 1000,
            symbol=window.symbol,
            window_start=end - length,
            window_end=end,
            events=window.events,
            complete=window.complete,
        )

    return (
        record("ask", window.ask),
        record("bid", window.bid),
        record("price_volume", window.ratio),
    )


def window_messages(window: WindowFlows, place: Place) -> list[Message]:
    """Returns the window's messages, for the output partition with the input's number."""
    key = window.symbol.encode()
    return [
        Message(place.topics.liquidity, key, encode(record), place.out_partition)
        for record in window_records(window, place.rules.length)
    ]


def dead_letter(tp: TP, bad: Unreadable) -> DeadLetter:
    """Returns the dead letter of a rejected record."""
    return DeadLetter.of(
        tp.topic, tp.partition, bad.offset, stage=STAGE.name, error=bad.error, value=bad.value
    )
