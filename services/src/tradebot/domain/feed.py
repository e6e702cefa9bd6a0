"""A change of the book, as flows are measured from it."""

from typing import Annotated, Final, Literal

import msgspec

UNNUMBERED: Final = -1
"""The `seq` of a record that has none, as the original pipeline's have: it shows no loss."""


class Change(msgspec.Struct, gc=False):
    """One change of one level of the book, its numbers as floats.

    The bounds of `ts` (ms, 2009 to 2100) keep out seconds and microseconds; those of the numbers
    keep out infinities and NaN, and a `seq` that no checkpoint could hold.
    """

    side: Literal["bid", "ask"]
    price: Annotated[float, msgspec.Meta(gt=0, le=1e12)]
    remaining: Annotated[float, msgspec.Meta(ge=0, le=1e15)]
    symbol: str
    ts: Annotated[int, msgspec.Meta(ge=1_230_768_000_000, lt=4_102_444_800_000)]
    reason: Literal["initial", "place", "cancel", "trade"]
    seq: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
