"""What a check found."""

from typing import Literal

import msgspec
import numpy as np

Kind = Literal["lookahead", "warm-up", "determinism", "speed"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found; `reason` is a sentence, also where it passed.

    `bar` (a row's number) and `ts` (ms UTC) name the first row that is wrong.
    """

    check: Kind
    passed: bool
    reason: str
    bar: int | None = None
    ts: int | None = None
    milliseconds: float | None = None


def utc(ts: int) -> str:
    """A time in words, to the minute."""
    return str(np.datetime64(ts, "ms").astype("datetime64[m]")).replace("T", " ") + " UTC"
