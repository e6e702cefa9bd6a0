"""The result of a prediction."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tradebot.fastprophet.times import Floats


@dataclass(frozen=True)
class Forecast:
    """A prediction, in the unit of y, one value for each time in `ds` (n,).

    `lower` and `upper` bound the coming observation with the model's `interval_width`;
    `trend_lower` and `trend_upper` bound the trend. All four are `None` if the model was made
    with `uncertainty_samples=0`. `components` maps each seasonality, holiday and regressor, and
    `additive_terms` and `multiplicative_terms`, to its part (n,): additive parts in the unit of
    y, multiplicative ones as a share of the trend. So yhat = trend·(1 + multiplicative_terms)
    + additive_terms.
    """

    ds: npt.NDArray[np.datetime64]
    yhat: Floats
    trend: Floats
    lower: Floats | None = None
    upper: Floats | None = None
    trend_lower: Floats | None = None
    trend_upper: Floats | None = None
    components: Mapping[str, Floats] = field(default_factory=dict)

    def columns(self) -> dict[str, npt.NDArray[np.generic]]:
        """The same under Prophet's column names: `pandas.DataFrame(forecast.columns())`."""
        named: dict[str, npt.NDArray[np.generic]] = {"ds": self.ds, "trend": self.trend}
        bounds = {
            "yhat_lower": self.lower,
            "yhat_upper": self.upper,
            "trend_lower": self.trend_lower,
            "trend_upper": self.trend_upper,
        }
        named |= {name: bound for name, bound in bounds.items() if bound is not None}
        return named | dict(self.components) | {"yhat": self.yhat}
