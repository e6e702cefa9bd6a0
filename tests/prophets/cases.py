"""Random histories and models for FastProphet, with an independent copy of Stan's data block."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from prophets.target import Target

from tradebot.fastprophet import FastProphet

Floats = npt.NDArray[np.float64]
DAY = 86_400 * 10**9


@dataclass(frozen=True)
class Case:
    """A history, the constructor's arguments, and what is added before the fit."""

    ds: npt.NDArray[np.datetime64]
    y: Floats
    options: dict[str, Any]
    limits: dict[str, Any] = field(default_factory=dict)
    seasonalities: tuple[dict[str, Any], ...] = ()
    regressors: tuple[dict[str, Any], ...] = ()
    columns: dict[str, Floats] = field(default_factory=dict)

    def model(self) -> FastProphet:
        """The model before it is fitted."""
        made = FastProphet(**self.options)
        for seasonality in self.seasonalities:
            made.add_seasonality(**seasonality)
        for regressor in self.regressors:
            made.add_regressor(**regressor)
        return made

    def fit(self) -> FastProphet:
        """The fitted model."""
        return self.model().fit(self.ds, self.y, extra=self.columns, **self.limits)

    def frame(self) -> dict[str, Any]:
        """Columns of the table that Prophet takes."""
        return {"ds": self.ds, "y": self.y, **self.columns, **self.limits}

    def target(self, model: FastProphet) -> Target:
        """Stan's data, from the definitions alone; the changepoints are the model's own."""
        keep = ~np.isnan(self.y)
        order = np.argsort(self.ds[keep], kind="stable")
        ns = self.ds[keep][order].astype("datetime64[ns]").view(np.int64)
        y = self.y[keep][order]
        span = ns[-1] - ns[0]
        cap, floor, scale = self._scales(y)
        columns, scales, additive = self._columns(ns, keep, order)
        changes = model.changepoints.view(np.int64)
        return Target(
            (ns - ns[0]) / span,
            (y - floor) / scale,
            columns,
            scales,
            self.options.get("changepoint_prior_scale", 0.05),
            (changes - ns[0]) / span if len(changes) else np.zeros(1),
            additive,
            1 - additive,
            self.options.get("growth", "linear"),
            (cap - floor) / scale * np.ones(len(y)),
        )

    def _scales(self, y: Floats) -> tuple[float, float, float]:
        cap, given = self.limits.get("cap", np.nan), self.limits.get("floor")
        if self.options.get("growth") != "logistic":
            given = None
        if self.options.get("scaling") == "minmax":
            floor = y.min() if given is None else given
            top = y.max() if given is None else cap
            return cap, floor, top - floor
        floor = 0.0 if given is None else given
        return cap, floor, np.abs(y - floor).max()

    def _columns(
        self, ns: npt.NDArray[np.int64], keep: npt.NDArray[np.bool_], order: npt.NDArray[np.int64]
    ) -> tuple[Floats, Floats, Floats]:
        mode = self.options.get("seasonality_mode", "additive")
        columns, scales, additive = [], [], []
        for one in self.seasonalities:
            for i in range(1, one["fourier_order"] + 1):
                # In whole ns: a million periods since 1970 would lose six digits of the phase.
                period = round(one["period"] * DAY)
                angle = 2 * np.pi * i * ((ns % period) / period)
                columns += [np.sin(angle), np.cos(angle)]
                scales += [one.get("prior_scale") or 10.0] * 2
                additive += [one.get("mode", mode) == "additive"] * 2
        for one in self.regressors:
            x = self.columns[one["name"]][keep][order]
            plain = len(np.unique(x)) < 2 or set(np.unique(x)) == {0.0, 1.0}
            columns.append(x if plain else (x - x.mean()) / x.std(ddof=1))
            scales.append(one.get("prior_scale") or 10.0)
            additive.append(one.get("mode", mode) == "additive")
        if not columns:
            return np.zeros((len(ns), 1)), np.ones(1), np.ones(1)
        return np.column_stack(columns), np.array(scales), np.array(additive, dtype=np.float64)


def _walk(draw: np.random.Generator, n: int) -> Floats:
    """A wandering level with waves and noise, of one of some shapes."""
    i = np.arange(n)
    walk = np.cumsum(draw.normal(0, draw.choice([0.01, 0.1, 0.5]), n))
    waves = draw.normal(0, 1, 2) @ np.array([np.sin(i / 3.8), np.cos(i / 27)])
    step = draw.choice([0.0, 3.0]) * (i > draw.integers(n))
    return np.asarray(walk + waves + step + draw.normal(0, draw.choice([0.05, 0.5]), n))


@st.composite
def cases(draw: st.DrawFn, growths: tuple[str, ...] = ("linear", "flat", "logistic")) -> Case:
    """Any model on any history of some hundred rows, with gaps, NaN and any scale."""
    seed = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(150, 400))
    step = draw(st.sampled_from([60, 3600, 86_400]))
    kept = np.sort(seed.choice(2 * n, n, replace=False)) if draw(st.booleans()) else np.arange(n)
    ds = np.datetime64("2019-03-01T05:00", "s") + (kept * step).astype("timedelta64[s]")
    size = draw(st.sampled_from([1e-3, 1.0, 1e6]))
    clean = size * (_walk(seed, n) + draw(st.sampled_from([0.0, 10.0])))
    growth = draw(st.sampled_from(growths))
    mode = draw(st.sampled_from(["additive", "multiplicative"]))
    options: dict[str, Any] = {
        "growth": growth,
        "seasonality_mode": mode,
        "scaling": draw(st.sampled_from(["absmax", "minmax"])),
        "n_changepoints": draw(st.sampled_from([0, 5, 25])),
        "changepoint_range": draw(st.sampled_from([0.5, 0.8, 1.0])),
        "changepoint_prior_scale": draw(st.sampled_from([0.01, 0.05, 0.5])),
        **{f"{name}_seasonality": False for name in ("yearly", "weekly", "daily")},
    }
    limits: dict[str, Any] = {}
    if growth == "logistic":
        span = np.ptp(clean)
        limits = {"cap": clean.max() + 0.2 * span, "floor": clean.min() - 0.2 * span}
    seasonalities = [
        {"name": "daily", "period": 24 * step / 86_400, "fourier_order": 2},
        {
            "name": "long",
            "period": 167 * step / 86_400,
            "fourier_order": 1,
            "prior_scale": 0.3,
            "mode": draw(st.sampled_from(["additive", "multiplicative"])),
        },
    ][: draw(st.integers(0, 2))]
    regressors = [{"name": "x"}, {"name": "on", "prior_scale": 1.0, "mode": "additive"}]
    regressors = regressors[: draw(st.integers(0, 2))]
    columns = {"x": seed.normal(50, 9, n), "on": (seed.random(n) < 0.3).astype(float)}
    used = {one["name"]: columns[one["name"]] for one in regressors}
    y = np.where(seed.random(n) < draw(st.sampled_from([0.0, 0.15])), np.nan, clean)
    shuffle = seed.permutation(n) if draw(st.booleans()) else np.arange(n)
    return Case(
        ds[shuffle],
        y[shuffle],
        options,
        limits,
        tuple(seasonalities),
        tuple(regressors),
        {name: values[shuffle] for name, values in used.items()},
    )
