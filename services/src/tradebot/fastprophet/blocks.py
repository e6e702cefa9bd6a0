"""Logistic growth from statistics: inside a short block the sigmoid is its Taylor polynomial.

The exponent u(t) is linear inside a block, so a block needs only the moments of [1, X, y] against
powers of time; a step of the solver then costs the same for any n.
"""

import itertools
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from tradebot.fastprophet.rows import RowModel
from tradebot.fastprophet.solver import Fit
from tradebot.fastprophet.times import Floats, Nanos

DEGREE: Final = 4
"""The degree of the polynomials in time."""

LARGEST: Final = 0.02
"""How far u may move from a block's centre to its edge: the remainder is then below 1e-11."""

_POWERS: Final = DEGREE + 1
_ROWS: Final = 4096


@dataclass(frozen=True)
class Blocks:
    """The moments of B blocks of rows.

    With C the scaled cap of a row, τ in [−1, 1] the time inside its block, W = C·τᵖ (p ≤ 4) and
    y' = y − share·C: `powers` Σ WWᵀ (B, 5, 5), `columns` Σ WXᵀ (B, 5, K), `values` Σ Wy' (B, 5),
    `gram` Σ XXᵀ (K, K), `cross` Σ Xy' (K,), `square` Σ y'². `bounds` (B + 1,) are rows, `basis`
    (B, trend, 2) each trend column as a + b·τ, `half` (B,) half of a block's length in scaled
    time and `share` (B,) the constant that was taken from y.
    """

    bounds: Nanos
    basis: Floats
    half: Floats
    share: Floats
    powers: Floats
    columns: Floats
    values: Floats
    gram: Floats
    cross: Floats
    square: float

    @cached_property
    def _left(self) -> Floats:
        return np.ascontiguousarray(self.basis.transpose(1, 0, 2).reshape(self.basis.shape[1], -1))

    def evaluate(self, theta: Floats) -> Fit:
        """Evaluates the fit of θ = [c, k, δ, β]."""
        trend = self.basis.shape[1]
        beta = theta[trend:]
        line = np.tensordot(self.basis, theta[:trend], (1, 0))
        curve, slopes, turns = _taylor(line[:, 0], line[:, 1])
        curve[:, 0] -= self.share
        fitted = np.matmul(self.powers, curve[:, :, None])[:, :, 0]
        seasonal = self.columns @ beta
        moments = self.values - fitted - seasonal
        left = self._left
        pulled = np.matmul(slopes, moments[:, :, None]).reshape(-1)
        towards = self.cross - np.tensordot(curve, self.columns, ((0, 1), (0, 1)))
        towards -= self.gram @ beta
        rss = self.square - float((curve * (self.values + moments)).sum())
        rss -= float(beta @ (self.cross + towards))
        hessian = np.empty((len(theta), len(theta)))
        inner = np.matmul(np.matmul(slopes, self.powers), slopes.transpose(0, 2, 1))
        right = np.matmul(inner, self.basis.transpose(0, 2, 1)).reshape(-1, trend)
        hessian[:trend, :trend] = left @ right
        mixed = left @ np.matmul(slopes, self.columns).reshape(-1, len(beta))
        hessian[:trend, trend:] = mixed
        hessian[trend:, :trend] = mixed.T
        hessian[trend:, trend:] = self.gram
        bend = np.zeros_like(hessian)
        turned = np.matmul(_turn(turns, moments), self.basis.transpose(0, 2, 1))
        bend[:trend, :trend] = left @ turned.reshape(-1, trend)
        return Fit(max(rss, 0.0), -np.concatenate((left @ pulled, towards)), hessian, bend)

    def steepness(self, theta: Floats) -> Floats:
        """How far u moves from each block's centre to its edge (B,)."""
        trend = self.basis.shape[1]
        return np.asarray(np.abs(self.basis[:, :, 1] @ theta[:trend]))

    def split(self, model: RowModel, theta: Floats) -> "Blocks | None":
        """Splits blocks in which u moves too far at θ; `None` if there are none."""
        sizes = np.diff(self.bounds)
        pieces = np.ceil(self.steepness(theta) / LARGEST).astype(np.int64)
        pieces = np.minimum(np.maximum(pieces, 1), np.maximum(sizes, 1))
        if (pieces == 1).all():
            return None
        cut = np.flatnonzero(pieces > 1)
        bounds = [
            np.linspace(self.bounds[i], self.bounds[i + 1], pieces[i] + 1).astype(np.int64)
            for i in range(len(sizes))
        ]
        whole = np.concatenate([b[:-1] for b in bounds] + [self.bounds[-1:]])
        owner = np.repeat(np.arange(len(sizes)), pieces)
        fresh = np.isin(owner, cut)
        measured = _measure(model, whole, np.flatnonzero(fresh), self.share[owner])
        parts = {}
        for name in ("basis", "half", "powers", "columns", "values"):
            parts[name] = getattr(self, name)[owner]
            parts[name][fresh] = getattr(measured, name)[fresh]
        return replace(self, bounds=whole, share=self.share[owner], **parts)


def make_blocks(model: RowModel) -> Blocks:
    """Computes the moments of a history in one pass over its rows."""
    n, edges = len(model.rows), model.changepoints.bounds
    most = min(_ROWS, max(32, n // 400))
    bounds = [
        np.linspace(a, b, -(-(b - a) // most) + 1).astype(np.int64)[:-1]
        for a, b in itertools.pairwise(edges)
        if b > a
    ]
    whole = np.concatenate([*bounds, [n]])
    return _measure(model, whole, np.arange(len(whole) - 1), None)


def _measure(
    model: RowModel, bounds: Nanos, which: npt.NDArray[np.int64], share: Floats | None
) -> Blocks:
    """Computes the moments of the blocks `which`; those of the others stay 0."""
    count, size = len(bounds) - 1, model.design.size
    spans = _spans(model, bounds)
    moments = np.zeros((count, _POWERS, _POWERS + size + 1))
    total = np.zeros((size + 1, size + 1))
    shares = np.zeros(count) if share is None else share
    z = np.empty((_POWERS + size + 1, _ROWS))
    at = 0
    while at < len(which):
        # Neighbours that fit into the workspace are expanded together.
        last = at
        first_row = bounds[which[at]]
        while (
            last + 1 < len(which)
            and which[last + 1] == which[last] + 1
            and bounds[which[last + 1] + 1] - first_row <= _ROWS
        ):
            last += 1
        start, stop = int(first_row), int(bounds[which[last] + 1])
        block = z[:, : stop - start]
        y, cap = model.fill(block[_POWERS:-1], start, stop)
        assert cap is not None
        block[0] = cap
        for i in which[at : last + 1]:
            part = block[:, bounds[i] - start : bounds[i + 1] - start]
            tau = (model.rows.times[bounds[i] : bounds[i + 1]] - spans.centres[i]) * spans.rate[i]
            for power in range(1, _POWERS):
                np.multiply(part[power - 1], tau, out=part[power])
            values = y[bounds[i] - start : bounds[i + 1] - start]
            if share is None:
                shares[i] = float(values @ part[0]) / float(part[0] @ part[0])
            np.subtract(values, shares[i] * part[0], out=part[-1])
            gram = part @ part.T
            moments[i] = gram[:_POWERS]
            total += gram[_POWERS:, _POWERS:]
        at = last + 1
    powers, columns = moments[:, :, :_POWERS], moments[:, :, _POWERS:-1]
    return Blocks(
        bounds,
        spans.basis,
        spans.half,
        shares,
        np.ascontiguousarray(powers),
        np.ascontiguousarray(columns),
        np.ascontiguousarray(moments[:, :, -1]),
        total[:-1, :-1],
        total[:-1, -1],
        float(total[-1, -1]),
    )


@dataclass(frozen=True)
class _Spans:
    """Where blocks lie in time: centre (ns), half length (scaled), τ per ns, and the trend."""

    centres: Nanos
    half: Floats
    rate: Floats
    basis: Floats


def _spans(model: RowModel, bounds: Nanos) -> _Spans:
    times, scales = model.rows.times, model.scales
    first, last = times[bounds[:-1]], times[np.maximum(bounds[1:] - 1, bounds[:-1])]
    centres = first + (last - first) // 2
    nanos = np.maximum((last - first) / 2, 1.0)
    half = nanos / scales.span
    segment = np.searchsorted(model.changepoints.bounds, bounds[:-1], side="right") - 1
    changes = len(model.changepoints.times)
    basis = np.zeros((len(centres), 2 + changes, 2))
    basis[:, 0, 0] = 1.0
    basis[:, 1, 0] = scales.t(centres)
    basis[:, 1, 1] = half
    past = segment[:, None] > np.arange(changes)
    ramps = (centres[:, None] - model.changepoints.times) / scales.span
    basis[:, 2:, 0] = np.where(past, ramps, 0.0)
    basis[:, 2:, 1] = np.where(past, half[:, None], 0.0)
    return _Spans(centres, half, 1.0 / nanos, basis)


def _taylor(line: Floats, rate: Floats) -> tuple[Floats, Floats, Floats]:
    """Coefficients in τ of sigmoid(line + rate·τ), its first and its second derivatives.

    (B, 5) of the curve, (B, 2, 5) of its derivatives by line and by rate, (B, 3) of its second
    derivative by line.
    """
    s = expit(line)
    first = s * expit(-line)
    derivatives = (
        s,
        first,
        first * (1 - 2 * s),
        first * (1 + s * (-6 + 6 * s)),
        first * (1 + s * (-14 + s * (36 - 24 * s))),
        first * (1 + s * (-30 + s * (150 + s * (-240 + 120 * s)))),
    )
    curve, turns = np.empty((len(line), _POWERS)), np.empty((len(line), 3))
    slopes = np.zeros((len(line), 2, _POWERS))
    factor = np.ones(len(line))
    for power in range(_POWERS):
        curve[:, power] = derivatives[power] * factor
        slopes[:, 0, power] = derivatives[power + 1] * factor
        if power < turns.shape[1]:
            turns[:, power] = derivatives[power + 2] * factor
        factor = factor * rate / (power + 1)
    slopes[:, 1, 1:] = slopes[:, 0, :-1]
    return curve, slopes, turns


def _turn(turns: Floats, moments: Floats) -> Floats:
    """−Σ r·C·sigmoid''·[1, τ; τ, τ²] of each block (B, 2, 2), from the moments of the residual."""
    inner = np.empty((len(turns), 2, 2))
    for row in range(2):
        for column in range(2):
            shift = row + column
            inner[:, row, column] = -(turns * moments[:, shift : shift + 3]).sum(axis=1)
    return inner
