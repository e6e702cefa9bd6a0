"""Fees by the volume of the last thirty days. Source: Gemini's API fee schedule of 2022-06-30."""

from decimal import Decimal
from typing import Literal

import msgspec

Liquidity = Literal["Maker", "Taker"]


class Tier(msgspec.Struct, frozen=True):
    """Fees in basis points from a 30-day volume (in quote currency) upwards."""

    volume: int
    taker: int
    maker: int

    def rate(self, liquidity: Liquidity) -> Decimal:
        """The part of the value that a fill costs."""
        return Decimal(self.taker if liquidity == "Taker" else self.maker).scaleb(-4)


TIERS = (
    Tier(0, 40, 20),
    Tier(10_000, 30, 10),
    Tier(50_000, 25, 10),
    Tier(100_000, 20, 8),
    Tier(1_000_000, 15, 5),
    Tier(5_000_000, 10, 3),
)


def tier(volume: Decimal) -> Tier:
    """The tier of a 30-day volume.

    >>> tier(Decimal("9999.99")).taker
    40
    """
    return next(each for each in reversed(TIERS) if volume >= each.volume)
