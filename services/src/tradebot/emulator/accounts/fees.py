"""Fees by the volume of the last thirty days, from the client's own table."""

from decimal import Decimal
from typing import Literal

import msgspec

from tradebot.venue.gemini.fees import FEES

Liquidity = Literal["Maker", "Taker"]


class FeeRates(msgspec.Struct, frozen=True, kw_only=True):
    """Fees in basis points."""

    taker: int
    maker: int

    def rate(self, liquidity: Liquidity) -> Decimal:
        """Returns the fee as a fraction of a fill's value."""
        return Decimal(self.taker if liquidity == "Taker" else self.maker).scaleb(-4)


def tier(volume: Decimal) -> FeeRates:
    """Returns the fees at a 30-day volume.

    >>> tier(Decimal("9999.99")).taker
    40
    """
    fees = FEES.at(volume)
    return FeeRates(taker=int(fees.taker_bps), maker=int(fees.maker_bps))
