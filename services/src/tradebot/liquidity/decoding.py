"""A fetch's records as changes of the book; those that cannot be read are set aside."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from tradebot.domain.window import Change
from tradebot.records import read

# Not strict: the feed's prices and amounts are decimal strings, read as floats here.
_all = msgspec.json.Decoder(list[Change], strict=False)
_one = msgspec.json.Decoder(Change, strict=False)


class Unreadable(NamedTuple):
    """A record that is not a change of the book."""

    offset: int
    error: str
    value: bytes


class Decoded(NamedTuple):
    """Changes with their offsets, and what was unreadable."""

    changes: list[Change]
    offsets: Sequence[int]
    unreadable: list[Unreadable]


def decode(records: Sequence[Any]) -> Decoded:
    """Reads Kafka records (with `offset` and `value`) in one go.

    One by one only where that fails, so that a bad record costs itself alone.
    """
    first, last = records[0].offset, records[-1].offset
    try:
        changes = read(_all, b"[" + b",".join([record.value for record in records]) + b"]")
    except (msgspec.DecodeError, TypeError):  # TypeError: a value is None
        return _one_by_one(records)
    if len(changes) != len(records):
        return _one_by_one(records)
    if last - first + 1 == len(records):
        return Decoded(changes, range(first, last + 1), [])
    return Decoded(changes, [record.offset for record in records], [])


def _one_by_one(records: Sequence[Any]) -> Decoded:
    changes: list[Change] = []
    offsets: list[int] = []
    unreadable: list[Unreadable] = []
    for record in records:
        value = b"" if record.value is None else record.value
        try:
            changes.append(read(_one, value))
            offsets.append(record.offset)
        except msgspec.DecodeError as error:
            unreadable.append(Unreadable(record.offset, str(error), value))
    return Decoded(changes, offsets, unreadable)
