"""What the stage writes: three records a window, and bad records with the reason."""

from typing import Literal, NamedTuple

from faust.types import TP

from tradebot.domain.symbol_windows import WindowFlows, WindowRules
from tradebot.liquidity import STAGE
from tradebot.liquidity.decoding import Unreadable
from tradebot.platform.exactly_once import Message
from tradebot.platform.topics import Topics
from tradebot.records import DeadLetter, LiquidityRecord, encode


class Place(NamedTuple):
    """Where a partition's results go, and by which rules they are made."""

    topics: Topics
    out_partition: int
    rules: WindowRules
    speed: float
    own: str = ""


def window_records(window: WindowFlows, length: int) -> tuple[LiquidityRecord, ...]:
    """The window's three records in the report's order: ask, bid, price_volume.

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
    """The window's records, for the output partition of the same number as the input's."""
    key = window.symbol.encode()
    return [
        Message(place.topics.liquidity, key, encode(record), place.out_partition)
        for record in window_records(window, place.rules.length)
    ]


def dead_letter(tp: TP, bad: Unreadable) -> DeadLetter:
    """The letter of a record that was put aside."""
    return DeadLetter.of(
        tp.topic, tp.partition, bad.offset, stage=STAGE.name, error=bad.error, value=bad.value
    )
