"""Bounds on times, prices and sizes from any source."""

from typing import Final

EARLIEST: Final = 1_230_768_000_000
LATEST: Final = 4_102_444_800_000
"""2009 to 2100 in milliseconds; seconds and microseconds fall outside."""

MAX_PRICE: Final = 1e12
MAX_SIZE: Final = 1e15
