"""A change of the order book, from which flows are measured."""

from typing import Annotated, Final, Literal

import msgspec

from tradebot.domain.bounds import EARLIEST, LATEST, MAX_PRICE, MAX_SIZE

UNNUMBERED: Final = -1
"""The `seq` of records without one, as in the original pipeline: it shows no loss."""


class Change(msgspec.Struct, gc=False):
    """One change of one level of the order book, its numbers as floats.

    The bounds of `ts` (ms, 2009 to 2100) exclude seconds and microseconds. Those of the numbers
    exclude infinities and NaN, and any `seq` too large for a checkpoint.
    """

    side: Literal["bid", "ask"]
    price: Annotated[float, msgspec.Meta(gt=0, le=MAX_PRICE)]
    remaining: Annotated[float, msgspec.Meta(ge=0, le=MAX_SIZE)]
    symbol: str
    ts: Annotated[int, msgspec.Meta(ge=EARLIEST, lt=LATEST)]
    reason: Literal["initial", "place", "cancel", "trade"]
    seq: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
