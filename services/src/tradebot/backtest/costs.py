"""The costs of trading: fees by tier, spread, impact, latency, partial fills, the venue's steps."""

import math

import msgspec

from tradebot.domain.situation import Making
from tradebot.venue.port import fee_table
from tradebot.venue.settings import DEFAULT


class Tier(msgspec.Struct, frozen=True):
    """Fees from a 30-day volume (quote currency) on, in basis points of a fill's value."""

    volume: float
    maker_bps: float
    taker_bps: float


def listed(venue: str = DEFAULT) -> tuple[Tier, ...]:
    """Returns the fees that a venue publishes, by volume.

    Raises:
        SettingsError: no venue of that name is installed.
    """
    return tuple(
        Tier(float(tier.volume), float(tier.fees.maker_bps), float(tier.fees.taker_bps))
        for tier in fee_table(venue).tiers
    )


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """All costs, in the units of the market.

    `spread_bps` is between best bid and best ask, half of it on each side of a bar's prices.
    `impact_bps` moves the price against an order that takes a whole bar's volume, in proportion to
    the square of the fraction taken, as in LEAN's volume-share model. `volume_share` is the largest
    fraction of a bar's volume that one order may take. The rest of an order that fills at once is
    cancelled; the rest of a resting limit or a triggered stop waits for the next bar.
    `latency_bars` is the number of bars from the close at which an order is decided to the open at
    which it reaches the market: at least one, since no price can be traded before it is known.
    `making` is how orders wait as maker before they take; see `engines.making`.
    """

    tiers: tuple[Tier, ...] = msgspec.field(default_factory=listed)
    spread_bps: float = 1.0
    impact_bps: float = 0.0
    volume_share: float = 1.0
    latency_bars: int = 1
    amount_step: float = 1e-8
    price_step: float = 0.01
    minimum: float = 1e-5
    making: Making | None = None

    def __post_init__(self) -> None:
        """Refuses impossible values.

        Raises:
            ValueError: with the figure's name and its bounds.
        """
        if self.latency_bars < 1:
            raise ValueError(
                f"latency_bars is {self.latency_bars}: set it to 1 or more, because an order "
                "decided at a bar's close cannot trade within that bar"
            )
        if not self.tiers or self.tiers[0].volume != 0:
            raise ValueError("the first fee tier must have a volume of 0")
        for name in ("spread_bps", "impact_bps", "minimum"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}: set it to 0 or more")
        for name in ("amount_step", "price_step"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}: set it above 0")
        if not self.volume_share > 0:
            raise ValueError(f"volume_share is {self.volume_share}: set it above 0")


def flat(fee_bps: float) -> tuple[Tier, ...]:
    """Returns one fee for all volumes, makers and takers."""
    return (Tier(0, fee_bps, fee_bps),)


FREE = Costs(
    tiers=flat(0),
    spread_bps=0,
    volume_share=math.inf,
    amount_step=1e-12,
    price_step=1e-12,
    minimum=0,
)
"""A market without costs, for tests of what a strategy does."""
