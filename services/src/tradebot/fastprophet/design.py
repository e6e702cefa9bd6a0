"""The columns other than the trend: seasonalities, holidays and extra regressors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tradebot.fastprophet.holidays import Holidays
from tradebot.fastprophet.options import Mode, Regressor, Seasonality
from tradebot.fastprophet.times import DAY, Floats, Nanos


@dataclass(frozen=True)
class Standard:
    """How a regressor enters the model: (x − mu) / std."""

    mu: float = 0.0
    std: float = 1.0


@dataclass(frozen=True)
class Design:
    """The K columns of X in Prophet's order: seasonalities, holidays, regressors.

    `standards` holds, for each regressor, the shift and scale that `fill` applies.
    """

    seasonalities: tuple[Seasonality, ...]
    holidays: Holidays
    regressors: tuple[Regressor, ...]
    standards: Mapping[str, Standard] = field(default_factory=dict)

    @cached_property
    def size(self) -> int:
        """The number of columns, K."""
        fourier = sum(2 * s.fourier_order for s in self.seasonalities)
        return fourier + len(self.holidays.columns) + len(self.regressors)

    @cached_property
    def components(self) -> tuple[tuple[str, Mode, npt.NDArray[np.int64]], ...]:
        """Each component's name, mode and column numbers."""
        found: list[tuple[str, Mode, npt.NDArray[np.int64]]] = []
        at = 0
        for seasonality in self.seasonalities:
            stop = at + 2 * seasonality.fourier_order
            found.append((seasonality.name, seasonality.mode, np.arange(at, stop)))
            at = stop
        for name in self.holidays.names:
            numbers = [i for i, c in enumerate(self.holidays.columns) if c.holiday == name]
            found.append((name, self.holidays.mode, at + np.array(numbers, dtype=np.int64)))
        at += len(self.holidays.columns)
        for number, regressor in enumerate(self.regressors):
            found.append((regressor.name, regressor.mode, np.array([at + number])))
        return tuple(found)

    @cached_property
    def prior_scales(self) -> Floats:
        """The standard deviation of each coefficient's normal prior (K,)."""
        scales: list[float] = []
        for seasonality in self.seasonalities:
            scales += [seasonality.prior_scale] * (2 * seasonality.fourier_order)
        scales += [column.prior_scale for column in self.holidays.columns]
        scales += [regressor.prior_scale for regressor in self.regressors]
        return np.array(scales, dtype=np.float64)

    @cached_property
    def multiplicative(self) -> npt.NDArray[np.bool_]:
        """Which columns multiply the trend (K,)."""
        mask = np.zeros(self.size, dtype=np.bool_)
        for _, mode, columns in self.components:
            mask[columns] = mode == "multiplicative"
        return mask

    @cached_property
    def inputs(self) -> list[str]:
        """The names of the columns that a caller must supply."""
        conditions = [s.condition_name for s in self.seasonalities if s.condition_name]
        return [r.name for r in self.regressors] + list(dict.fromkeys(conditions))

    def fill(self, out: Floats, times: Nanos, extra: Mapping[str, Floats]) -> None:
        """Write the columns of these rows into `out` (K, rows)."""
        at = 0
        for seasonality in self.seasonalities:
            stop = at + 2 * seasonality.fourier_order
            _fourier(out[at:stop], times, seasonality.period)
            if seasonality.condition_name:
                out[at:stop] *= extra[seasonality.condition_name] != 0
            at = stop
        if self.holidays.columns:
            stop = at + len(self.holidays.columns)
            self.holidays.fill(out[at:stop], times)
            at = stop
        for regressor in self.regressors:
            standard = self.standards.get(regressor.name, Standard())
            np.subtract(extra[regressor.name], standard.mu, out=out[at])
            out[at] /= standard.std
            at += 1

    def matrix(self, times: Nanos, extra: Mapping[str, Floats]) -> Floats:
        """The columns of these rows (K, rows)."""
        out = np.empty((self.size, len(times)))
        self.fill(out, times, extra)
        return out


def _turns(times: Nanos, period: float) -> Floats:
    """Returns the fraction of its period elapsed at each time, to the last digit.

    Days since 1970 over a period of minutes are millions of turns; a plain quotient would lose six
    digits.
    """
    nanos = period * DAY
    whole = round(nanos)
    if whole > 0 and abs(nanos - whole) <= 4e-16 * nanos:
        passed = times // whole
        passed *= whole
        np.subtract(times, passed, out=passed)
        return np.multiply(passed, 1.0 / whole, dtype=np.float64)
    turns = times.astype(np.longdouble) / (np.longdouble(period) * DAY)
    return np.asarray(turns - np.floor(turns), dtype=np.float64)


def _fourier(out: Floats, times: Nanos, period: float) -> None:
    """sin and cos of every harmonic (2·order, rows): two evaluations, then angle addition."""
    turns = _turns(times, period)
    turns *= 2 * np.pi
    sine, cosine = out[0], out[1]
    np.sin(turns, out=sine)
    np.cos(turns, out=cosine)
    work = turns
    for row in range(2, len(out), 2):
        s, c = out[row - 2], out[row - 1]
        np.multiply(s, cosine, out=out[row])
        np.multiply(c, sine, out=work)
        out[row] += work
        np.multiply(c, cosine, out=out[row + 1])
        np.multiply(s, sine, out=work)
        out[row + 1] -= work
