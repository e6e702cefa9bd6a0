"""What times, prices and sizes can be at all, wherever they come from."""

from typing import Final

EARLIEST: Final = 1_230_768_000_000
LATEST: Final = 4_102_444_800_000
"""Milliseconds of 2009 and of 2100: seconds and microseconds lie outside."""

MAX_PRICE: Final = 1e12
MAX_SIZE: Final = 1e15
