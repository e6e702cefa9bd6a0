"""Gemini's API fee schedule of 2022-06-30, which clients still assume."""

from typing import Final

from tradebot.venue.fees import FeeTable

FEES: Final = FeeTable.of(
    (0, 20, 40),
    (10_000, 10, 30),
    (50_000, 10, 25),
    (100_000, 8, 20),
    (1_000_000, 5, 15),
    (5_000_000, 3, 10),
)
"""Rows of 30-day volume, maker and taker fee in basis points."""
