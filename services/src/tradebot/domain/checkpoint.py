"""The state that a restart of a partition's windows needs, as metadata of a committed offset.

A symbol takes at most 66 characters, so 60 symbols fit into Kafka's limit of 4096 bytes.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

VERSION: Final = "2"
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


class Checkpoint(msgspec.Struct, frozen=True):
    """Where a restart reads from, and the state it needs: an offset and its metadata."""

    offset: int
    metadata: str


class CheckpointError(ValueError):
    """The metadata of a committed offset does not belong to these windows."""


class SymbolPlace(msgspec.Struct, frozen=True):
    """The state of one symbol just before the record at `offset`, the first to read again.

    `low` is the first window that is not published. `clock` is the newest accepted time (ms), 0
    before the first, and `arrival` Kafka's timestamp of the record that had it.
    """

    symbol: str
    offset: int
    low: int
    top: int
    seq: int
    clock: int
    arrival: int


def write(length: int, counted: int, end: int, places: Iterable[SymbolPlace]) -> Checkpoint:
    """Encodes the checkpoint of all symbols.

    Args:
        length: of a window, ms.
        counted: records before this offset were counted already.
        end: the offset after the last record processed.
    """
    places = list(places)
    offset = min((place.offset for place in places), default=end)
    parts = [f"{VERSION} {length} {counted}"]
    for one in places:
        numbers = (one.low, one.top - one.low, one.seq, one.clock, one.arrival, one.offset - offset)
        parts.append(",".join((one.symbol, *map(_short, numbers))))
    return Checkpoint(offset, " ".join(parts))


def read(checkpoint: Checkpoint, length: int) -> tuple[int, list[SymbolPlace]]:
    """Decodes `counted` and the symbols.

    Raises:
        CheckpointError: the metadata is not of windows of `length` ms.
    """
    if not checkpoint.metadata:
        return checkpoint.offset, []
    try:
        version, of_length, counted, *parts = checkpoint.metadata.split(" ")
        if of_length != str(length) or version not in ("1", VERSION):
            raise ValueError(checkpoint.metadata)
        old = version == "1"
        places = [_first(part, length) if old else _place(part, checkpoint) for part in parts]
        return max(checkpoint.offset, int(counted)), places
    except ValueError:
        raise CheckpointError(
            f"the committed offset contains {checkpoint.metadata!r}, which is not from windows of"
            f" {length} ms"
        ) from None


def _place(part: str, checkpoint: Checkpoint) -> SymbolPlace:
    symbol, *numbers = part.split(",")
    low, top, seq, clock, arrival, offset = (int(number, 36) for number in numbers)
    return SymbolPlace(symbol, checkpoint.offset + offset, low, low + top, seq, clock, arrival)


def _first(part: str, length: int) -> SymbolPlace:
    """Decodes version 1, which had no clock; it is at most the end of the newest window."""
    symbol, low, top, seq = part.split(",")
    return SymbolPlace(symbol, 0, int(low), int(top), int(seq), (int(top) + 1) * length - 1, 0)


def _short(number: int) -> str:
    """Encodes the number in base 36, which `int(text, 36)` reads."""
    left, digits = abs(number), ""
    while left or not digits:
        left, digit = divmod(left, 36)
        digits = _DIGITS[digit] + digits
    return f"-{digits}" if number < 0 else digits
