"""The report's rule: buys if the forecast rises and liquidity is in the band, sells on a fall.

The side is that of forecast(t + 1) − forecast(t). A buy needs a complete window whose bid flow /
ask flow is inside the band. The trader decides this rule itself, with all its gates; here it uses
the same interface as every other strategy.
"""

import numpy as np

from tradebot.strategies.interface import Bars
from tradebot.strategies.orders import Orders

PARAMETERS = {
    "risk_fraction": (0.05, 0.01, 1.0),
    "band_min_bps": (5_000, 1_000, 10_000),
    "band_max_bps": (20_000, 10_000, 100_000),
    "slippage_bps": 10,
    "model": "FastProphet",
}
WARMUP = 1


def forecasts(model: str) -> tuple[str, ...]:
    """Returns the model that the rule follows."""
    return (model,)


def signals(
    bars: Bars,
    risk_fraction: float = 0.05,
    band_min_bps: int = 5_000,
    band_max_bps: int = 20_000,
    slippage_bps: int = 10,
    model: str = "FastProphet",
) -> Orders:
    """`risk_fraction` is of the cash; an order reaches `slippage_bps` beyond the best price."""
    delta = bars.forecast(model).delta
    inside = bars.complete & (bars.ratio >= band_min_bps / 1e4) & (bars.ratio <= band_max_bps / 1e4)
    side = np.zeros(len(delta), np.int8)
    side[(delta > 0) & inside] = 1
    side[delta < 0] = -1
    return Orders(side=side, size=np.full(len(delta), risk_fraction), reach_bps=float(slippage_bps))
