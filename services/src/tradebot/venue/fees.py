"""A venue's fees, by an account's volume of the last thirty days."""

from decimal import Decimal

import msgspec


class Fees(msgspec.Struct, frozen=True, kw_only=True):
    """An account's fees, in basis points of a fill's value.

    >>> Fees(maker_bps=Decimal(20), taker_bps=Decimal(40)).taker
    Decimal('0.0040')
    """

    maker_bps: Decimal
    taker_bps: Decimal

    @property
    def taker(self) -> Decimal:
        """The taker's fee as a fraction of a fill's value."""
        return self.taker_bps.scaleb(-4)

    @property
    def maker(self) -> Decimal:
        """The maker's fee as a fraction of a fill's value."""
        return self.maker_bps.scaleb(-4)


class FeeTier(msgspec.Struct, frozen=True):
    """Fees from a 30-day volume (in quote currency) on."""

    volume: Decimal
    fees: Fees


class FeeTable(msgspec.Struct, frozen=True):
    """A venue's public fee schedule, lowest volume first.

    Raises:
        ValueError: the table does not begin with a volume of 0.
    """

    tiers: tuple[FeeTier, ...]

    def __post_init__(self) -> None:
        """Checks that every volume has fees."""
        if not self.tiers or self.tiers[0].volume != 0:
            raise ValueError("the first tier of a fee table must have a volume of 0")

    @classmethod
    def of(cls, *rows: tuple[int, int, int]) -> "FeeTable":
        """Builds a table from rows of volume, maker and taker fee in basis points."""
        return cls(
            tuple(
                FeeTier(Decimal(volume), Fees(maker_bps=Decimal(maker), taker_bps=Decimal(taker)))
                for volume, maker, taker in rows
            )
        )

    @property
    def first(self) -> Fees:
        """The fees of an account that has not traded yet."""
        return self.tiers[0].fees

    def at(self, volume: Decimal) -> Fees:
        """Returns the fees of an account with that 30-day volume."""
        return next(tier.fees for tier in reversed(self.tiers) if volume >= tier.volume)
