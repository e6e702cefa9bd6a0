"""Prophet's posterior as in prophet.stan, implemented independently of the package."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Target:
    """Stan's data block of one history."""

    t: Floats
    y: Floats
    X: Floats
    sigmas: Floats
    tau: float
    t_change: Floats
    additive: Floats
    multiplicative: Floats
    growth: str
    cap: Floats

    @classmethod
    def of_prophet(cls, model: Any) -> "Target":
        """From a fitted Prophet's own preprocessing."""
        history = model.history
        features, scales, columns, _ = model.make_all_seasonality_features(history)
        cap = history["cap_scaled"] if model.growth == "logistic" else np.zeros(len(history))
        return cls(
            history["t"].to_numpy(),
            history["y_scaled"].to_numpy(),
            features.to_numpy(),
            np.array(scales),
            model.changepoint_prior_scale,
            model.changepoints_t,
            columns["additive_terms"].to_numpy(),
            columns["multiplicative_terms"].to_numpy(),
            model.growth,
            np.asarray(cap),
        )

    def _flat(self, params: Mapping[str, Any]) -> tuple[float, float, Floats, Floats, float]:
        flat = {name: np.ravel(np.asarray(values)) for name, values in params.items()}
        k, m, sigma = (float(flat[name][0]) for name in ("k", "m", "sigma_obs"))
        return k, m, flat["delta"], flat["beta"], sigma

    def trend(self, k: float, m: float, delta: Floats) -> Floats:
        """The trend with the gammas of prophet.stan."""
        after = self.t[:, None] >= self.t_change
        if self.growth == "flat":
            return np.full(len(self.t), m)
        if self.growth == "linear":
            return (k + after @ delta) * self.t + (m + after @ (-self.t_change * delta))
        rates = np.concatenate(([k], k + np.cumsum(delta)))
        gamma, offset = np.zeros(len(delta)), m
        for i, change in enumerate(self.t_change):
            gamma[i] = (change - offset) * (1 - rates[i] / rates[i + 1])
            offset += gamma[i]
        return self.cap / (1 + np.exp(-(k + after @ delta) * (self.t - (m + after @ gamma))))

    def mean(self, params: Mapping[str, Any]) -> Floats:
        """The expected scaled y of each row."""
        k, m, delta, beta, _ = self._flat(params)
        factor = 1 + self.X @ (beta * self.multiplicative)
        return self.trend(k, m, delta) * factor + self.X @ (beta * self.additive)

    def log_posterior(self, params: Mapping[str, Any]) -> float:
        """lp__ without its constants and without the Jacobian of σ, as `optimize` uses it."""
        k, m, delta, beta, sigma = self._flat(params)
        rss = float(((self.y - self.mean(params)) ** 2).sum())
        return float(
            -len(self.y) * np.log(sigma)
            - rss / (2 * sigma**2)
            - k**2 / 50
            - m**2 / 50
            - np.abs(delta).sum() / self.tau
            - 2 * sigma**2
            - (beta**2 / (2 * self.sigmas**2)).sum()
        )

    def distance(self, params: Mapping[str, Any]) -> float:
        """How far from stationary: the largest gradient, in deviations of its own parameter.

        A gradient g of curvature H means a step of g/√H deviations. A δ of 0 may have any slope
        up to its Laplace prior's 1/τ. Columns without any effect are left out.
        """
        k, m, delta, beta, sigma = self._flat(params)
        ramps = np.maximum(self.t[:, None] - self.t_change, 0.0)
        factor = 1 + self.X @ (beta * self.multiplicative)
        trend = self.trend(k, m, delta)
        one = np.ones((len(self.t), 1))
        if self.growth == "linear":
            columns = np.column_stack((one, self.t, ramps))
        elif self.growth == "flat":
            columns = one
        else:
            rate = (trend * (1 - trend / self.cap))[:, None]
            columns = np.column_stack((-k * one, self.t - m, ramps)) * rate
        terms = self.X * (trend[:, None] * self.multiplicative + self.additive)
        jacobian = np.column_stack((columns * factor[:, None], terms))
        moving = self.growth != "flat"
        theta = np.concatenate(([m, k, *delta] if moving else [m], beta))
        wide = [0.04, 0.04, *np.zeros(len(delta))] if moving else [0.04]
        precision = np.concatenate((wide, self.sigmas**-2.0))
        residual = self.y - self.mean(params)
        slope = jacobian.T @ residual / sigma**2 - precision * theta
        if moving:
            bent = slice(2, 2 + len(delta))
            free = slope[bent] - np.sign(delta) / self.tau
            kept = np.maximum(np.abs(slope[bent]) - 1 / self.tau, 0.0)
            slope[bent] = np.where(delta != 0, free, kept)
        curvature = (jacobian**2).sum(axis=0) / sigma**2 + precision
        acts = curvature > 0
        noise = -len(self.y) / sigma + float(residual @ residual) / sigma**3 - 4 * sigma
        return max(
            float(np.abs(slope[acts] / np.sqrt(curvature[acts])).max()),
            abs(noise) * sigma / np.sqrt(2 * len(self.y)),
        )
