"""What trading costs: fees by tier, spread, impact, latency, partial fills, the venue's steps."""

import math

import msgspec


class Tier(msgspec.Struct, frozen=True):
    """Fees from a 30-day volume (quote currency) on, in basis points of a fill's value."""

    volume: float
    maker_bps: float
    taker_bps: float


GEMINI_TIERS: tuple[Tier, ...] = (
    Tier(0, 20, 40),
    Tier(10_000, 10, 30),
    Tier(50_000, 10, 25),
    Tier(100_000, 8, 20),
    Tier(1_000_000, 5, 15),
    Tier(5_000_000, 3, 10),
)
"""Gemini's API fee schedule of 2022-06-30, the one that clients still assume."""


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, in the units of the market.

    `spread_bps` lies between best bid and best ask, half of it on each side of a bar's prices.
    `impact_bps` moves the price against an order that takes a whole bar's volume; the move grows
    with the square of the share taken, as LEAN's volume-share model has it. `volume_share` is the
    most of a bar's volume that one order may take. What is left of an order that takes at once is
    cancelled; what is left of a resting limit or a triggered stop waits for the next bar.
    `latency_bars` lie between the bar at whose close an order is decided and the one at whose open
    it reaches the market: at least one, since no price is traded before it is known.
    """

    tiers: tuple[Tier, ...] = GEMINI_TIERS
    spread_bps: float = 1.0
    impact_bps: float = 0.0
    volume_share: float = 1.0
    latency_bars: int = 1
    amount_step: float = 1e-8
    price_step: float = 0.01
    minimum: float = 1e-5

    def __post_init__(self) -> None:
        """Refuses what no market has.

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
    """One fee for all volumes, makers and takers."""
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
