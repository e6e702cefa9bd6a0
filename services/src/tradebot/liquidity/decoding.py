"""Decodes a fetch's records to order book changes, and separates implausible ones.

Each value is decoded separately: several invalid values joined could be valid JSON.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from tradebot.domain.bounds import EARLIEST, LATEST, MAX_PRICE, MAX_SIZE
from tradebot.domain.feed import UNNUMBERED, Change
from tradebot.plausible.values import symbol_of
from tradebot.records import read


class _Loose(msgspec.Struct, gc=False):
    """A change that may lack the fields that the original pipeline's records lack."""

    side: Literal["bid", "ask"]
    price: Annotated[float, msgspec.Meta(gt=0, le=MAX_PRICE)]
    remaining: Annotated[float, msgspec.Meta(ge=0, le=MAX_SIZE)]
    symbol: str = ""
    ts: Annotated[int, msgspec.Meta(ge=EARLIEST, lt=LATEST)] | None = None
    reason: Literal["initial", "place", "cancel", "trade"] = "place"
    seq: Annotated[int, msgspec.Meta(ge=0, lt=2**53)] | None = None


# Not strict: the feed's prices and amounts are decimal strings, decoded as floats here.
_whole = msgspec.json.Decoder(Change, strict=False).decode
_loose = msgspec.json.Decoder(_Loose, strict=False)
_names = attrgetter("key"), attrgetter("symbol")


class Unreadable(NamedTuple):
    """A rejected record."""

    offset: int
    error: str
    value: bytes


class Decoded(NamedTuple):
    """Changes with their offsets and Kafka's timestamps (ms, 0 without one), and rejects."""

    changes: list[Change]
    offsets: Sequence[int]
    arrivals: Sequence[int]
    unreadable: list[Unreadable]


def decode(records: Sequence[Any], *, own: str = "", latest: int = LATEST) -> Decoded:
    """Decodes Kafka records (with `offset`, `key`, `timestamp` and `value`).

    Args:
        own: the symbol of records without symbol and key.
        latest: later timestamps of Kafka are implausible, ms.
    """
    first, last = records[0].offset, records[-1].offset
    try:
        changes = [_whole(record.value) for record in records]
    except (msgspec.DecodeError, TypeError, UnicodeDecodeError, RecursionError):
        return _one_by_one(records, own, latest)  # TypeError: a value is None
    stamps = [record.timestamp for record in records]
    keyed = set(zip(map(_names[0], records), map(_names[1], changes), strict=True))
    if None in stamps or max(stamps) > latest or not all(_agree(*pair) for pair in keyed):
        return _one_by_one(records, own, latest)
    if last - first + 1 == len(records):
        return Decoded(changes, range(first, last + 1), stamps, [])
    return Decoded(changes, [record.offset for record in records], stamps, [])


def _agree(key: bytes | None, symbol: str) -> bool:
    return symbol_of("", key, symbol) == symbol


def _one_by_one(records: Sequence[Any], own: str, latest: int) -> Decoded:
    changes: list[Change] = []
    offsets: list[int] = []
    arrivals: list[int] = []
    unreadable: list[Unreadable] = []
    for record in records:
        stamp = record.timestamp or 0
        arrival = stamp if 0 < stamp <= latest else 0
        value = b"" if record.value is None else record.value
        try:
            changes.append(_change(value, record.key, arrival, own))
        except ValueError as error:
            unreadable.append(Unreadable(record.offset, str(error), value))
        else:
            offsets.append(record.offset)
            arrivals.append(arrival)
    return Decoded(changes, offsets, arrivals, unreadable)


def _change(value: bytes, key: bytes | None, arrival: int, own: str) -> Change:
    """Decodes a change.

    Raises:
        ValueError: `value` is not a change, or an implausible one.
    """
    found = read(_loose, value)
    if found.symbol and not _agree(key, found.symbol):
        raise ValueError(f"its symbol is {found.symbol[:30]!r} and its key {key!r}")
    symbol = symbol_of(found.symbol, key, own)
    if not symbol:
        raise ValueError("neither it nor its key names a symbol: set --symbol")
    ts = found.ts or arrival
    if not EARLIEST <= ts < LATEST:
        raise ValueError("neither it nor Kafka's stamp tells a time that can be true")
    seq = UNNUMBERED if found.seq is None else found.seq
    return Change(found.side, found.price, found.remaining, symbol, ts, found.reason, seq)
