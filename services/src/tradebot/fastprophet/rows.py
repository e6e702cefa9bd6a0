"""Any model, row by row: exact, without statistics; each step costs O(n)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from scipy.special import expit

from tradebot.fastprophet.design import Design
from tradebot.fastprophet.history import Rows
from tradebot.fastprophet.options import Growth
from tradebot.fastprophet.setup import Changepoints, Scales
from tradebot.fastprophet.solver import Fit
from tradebot.fastprophet.times import Floats

_BLOCK: Final = 4096
_KEPT: Final = 4_000_000
"""Column values (32 MB) cached between evaluations; more are recomputed each time."""


@dataclass(frozen=True)
class RowModel:
    """The residuals of θ = [m or c, k, δ, β] over the rows themselves.

    Logistic growth has the exponent u(t) = c + k·t + Σ δ_j (t − s_j)₊, so that m = −c/k.
    """

    rows: Rows
    design: Design
    scales: Scales
    changepoints: Changepoints
    growth: Growth
    every: int = 1

    @property
    def count(self) -> int:
        """The number of rows used: each `every`-th."""
        return -(-len(self.rows) // self.every)

    @property
    def trend_size(self) -> int:
        """The number of trend parameters in θ."""
        return 1 if self.growth == "flat" else 2 + len(self.changepoints.times)

    @cached_property
    def _blocks(self) -> "list[_Block] | None":
        columns = self.trend_size + self.design.size + 3
        if self.count * columns > _KEPT:
            return None
        return [self._block(start) for start in range(0, self.count, _BLOCK)]

    def _block(self, start: int) -> "_Block":
        stop = min(start + _BLOCK, self.count)
        columns = np.empty((self.design.size, stop - start))
        y, cap = self.fill(columns, start * self.every, stop * self.every)
        t = self.scales.t(self.rows.times[start * self.every : stop * self.every : self.every])
        basis = np.ones((self.trend_size, len(t)))
        if self.growth != "flat":
            basis[1] = t
            np.maximum(t - self.changepoints.t(self.scales)[:, None], 0.0, out=basis[2:])
        return _Block(basis, columns, y, cap)

    def fill(self, out: Floats, start: int, stop: int) -> tuple[Floats, Floats | None]:
        """Writes X of rows start to stop into `out` (K, rows); returns scaled y, and scaled cap.

        Only each `every`-th row is used. The cap is `None` unless growth is logistic.
        """
        pick = slice(start, stop, self.every)
        others = self.rows.others(pick)
        self.design.fill(out, self.rows.times[pick], others)
        floor = others["floor"] if self.scales.row_floor else self.scales.offset
        y = (self.rows.y[pick] - floor) / self.scales.y_scale
        if self.growth != "logistic":
            return y, None
        return y, (others["cap"] - floor) / self.scales.y_scale

    def shares(self, most: int = 1000) -> tuple[Floats, Floats]:
        """Scaled times and y as a share of the cap, between 0.01 and 0.99, of some rows."""
        pick = np.linspace(0, len(self.rows) - 1, min(most, len(self.rows))).astype(np.int64)
        times, y, others = self.rows.take(pick)
        floor = others["floor"] if self.scales.row_floor else self.scales.offset
        return self.scales.t(times), np.clip((y - floor) / (others["cap"] - floor), 0.01, 0.99)

    def linear(self) -> "LinearRows":
        """Returns the rows of a model without a product or a curve, as one matrix."""
        if self.growth == "logistic" or self.design.multiplicative.any():
            raise ValueError("The model is not linear.")
        blocks = [self._block(start) for start in range(0, self.count, _BLOCK)]
        parts = [np.concatenate((block.basis, block.columns)) for block in blocks]
        columns = np.concatenate(parts, axis=1)
        y = np.concatenate([block.y for block in blocks])
        return LinearRows(columns, y, columns @ columns.T)

    def evaluate(self, theta: Floats) -> Fit:
        """The fit of θ over all rows."""
        size = len(theta)
        rss, gradient = 0.0, np.zeros(size)
        hessian, bend = np.zeros((size, size)), np.zeros((size, size))
        kept = self._blocks
        for number in range(-(-self.count // _BLOCK)):
            block = kept[number] if kept is not None else self._block(number * _BLOCK)
            residual, jacobian = self._linearise(block, theta, bend)
            rss += float(residual @ residual)
            gradient -= jacobian @ residual
            hessian += jacobian @ jacobian.T
        curved = self.growth == "logistic" or bool(self.design.multiplicative.any())
        return Fit(rss, gradient, hessian, bend if curved else None)

    def _linearise(self, block: "_Block", theta: Floats, bend: Floats) -> tuple[Floats, Floats]:
        """Returns residuals and their Jacobian; adds what that lacks of the Hessian to `bend`."""
        size = self.trend_size
        trend, beta = theta[:size], theta[size:]
        product = self.design.multiplicative
        line = trend @ block.basis
        factor = 1 + (beta * product) @ block.columns
        if block.cap is None:
            growth, rate = line, np.ones(len(line))
        else:
            share = expit(line)
            growth = block.cap * share
            rate = growth * (1 - share)
        residual = block.y - growth * factor - (beta * ~product) @ block.columns
        if block.cap is not None:
            turn = residual * factor * rate * (1 - 2 * share)
            bend[:size, :size] -= (block.basis * turn) @ block.basis.T
        if product.any():
            cross = (block.basis * (rate * residual)) @ block.columns[product].T
            columns = size + np.flatnonzero(product)
            bend[:size, columns] -= cross
            bend[columns, :size] -= cross.T
        jacobian = np.concatenate((block.basis * (rate * factor), block.columns))
        jacobian[size:][product] *= growth
        return residual, jacobian


@dataclass(frozen=True)
class _Block:
    basis: Floats
    columns: Floats
    y: Floats
    cap: Floats | None


@dataclass(frozen=True)
class LinearRows:
    """Few rows of a linear model: columns (P, n), y (n,), and the columns' Gram matrix (P, P)."""

    columns: Floats
    y: Floats
    gram: Floats

    def evaluate(self, theta: Floats) -> Fit:
        """The fit of θ, with each residual computed from its row."""
        residual = self.y - theta @ self.columns
        return Fit(float(residual @ residual), -(self.columns @ residual), self.gram)
