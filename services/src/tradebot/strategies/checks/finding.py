"""The result of a check."""

from typing import Literal

import msgspec
import numpy as np

Kind = Literal["lookahead", "warm-up", "determinism", "speed"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one check; `reason` is a sentence, even if it passed.

    `bar` (a row's number) and `ts` (ms UTC) are the first wrong row.
    """

    check: Kind
    passed: bool
    reason: str
    bar: int | None = None
    ts: int | None = None
    milliseconds: float | None = None


def utc(ts: int) -> str:
    """Formats a time, to the minute."""
    return str(np.datetime64(ts, "ms").astype("datetime64[m]")).replace("T", " ") + " UTC"
