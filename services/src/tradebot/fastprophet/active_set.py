"""Quadratic programs with an L1 term, solved exactly by an active set.

Source: the feature-sign search of Lee, Battle, Raina and Ng (2006), on the Schur complement of
the unpenalised unknowns.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.linalg import lapack

from tradebot.fastprophet.times import Floats

EPS: Final = float(np.finfo(np.float64).eps)

STALLS: Final = 5
"""So many line searches that move nothing end a search: only rounding is left to move."""


def factor(matrix: Floats) -> Floats:
    """Returns the lower Cholesky factor of a symmetric matrix with unit diagonal.

    A matrix that is not numerically positive definite gets the smallest ridge that makes it so.
    """
    ridge = 0.0
    while ridge < 1e3:
        lower, info = lapack.dpotrf(matrix, lower=1, clean=1)
        if info == 0:
            return np.asarray(lower)
        ridge = max(ridge * 16, EPS * len(matrix))
        matrix = matrix + ridge * np.eye(len(matrix))
    raise FloatingPointError("The numbers of the fit overflowed: are y and ds what they should be?")


def penalised_minimum(
    hessian: Floats, gradient: Floats, start: Floats, weight: float, penalised: slice
) -> Floats:
    """Returns the z that minimises ½xᵀHx + gᵀx + weight·|z_p|₁, x = z − start, p the `penalised`.

    `hessian` (P, P) positive definite, `gradient` and `start` (P,). The result is exact to
    rounding, and its zeros are exact: the search ends after finitely many changes of the active
    set.
    """
    scale = 1.0 / np.sqrt(hessian.diagonal())
    scaled = hessian * scale * scale[:, None]
    slope = gradient * scale
    inner = np.arange(len(start))[penalised]
    if not len(inner):
        lower = factor(scaled)
        return np.asarray(start - scale * lapack.dpotrs(lower, slope, lower=1)[0])
    outer = np.delete(np.arange(len(start)), inner)
    lower = factor(scaled[np.ix_(outer, outer)])
    right = np.column_stack((scaled[np.ix_(outer, inner)], slope[outer]))
    half = lapack.dtrtrs(lower, right, lower=1)[0]
    cross, free = half[:, :-1], half[:, -1]
    schur = scaled[np.ix_(inner, inner)] - cross.T @ cross
    linear = slope[inner] - cross.T @ free
    point = start[inner] / scale[inner]
    moved = _feature_sign(schur, linear - schur @ point, point.copy(), weight * scale[inner])
    step = -lapack.dtrtrs(lower, free + cross @ (moved - point), lower=1, trans=1)[0]
    found = np.empty(len(start))
    found[inner] = moved * scale[inner]
    found[outer] = start[outer] + step * scale[outer]
    return found


def _feature_sign(gram: Floats, linear: Floats, point: Floats, weights: Floats) -> Floats:
    """Returns argmin ½zᵀGz + lᵀz + Σ wᵢ|zᵢ|, starting at `point`, which is overwritten."""
    signs = np.sign(point)
    noise = 8 * EPS * len(point)
    refused = np.zeros(len(point), dtype=np.bool_)
    stalled = 0
    for _ in range(40 * len(point) + 40):
        active = np.flatnonzero(signs)
        if len(active):
            block = gram[np.ix_(active, active)]
            target = _solve(block, -linear[active] - weights[active] * signs[active])
            if (target * signs[active] >= 0).all():
                point[active] = target
            else:
                # Rounding may make a coefficient enter against its own gradient.
                backwards = active[(point[active] == 0) & (target * signs[active] < 0)]
                refused[backwards] = True
                signs[backwards] = 0.0
                if not len(backwards):
                    before = point[active]
                    _descend(block, linear, weights, point, signs, active, target)
                    moved = np.abs(point[active] - before).max()
                    stalled += bool(moved <= noise * np.abs(before).max())
                    if stalled > STALLS:
                        return point
                continue
        slope = gram @ point + linear
        slack = np.abs(slope) - weights
        slack -= noise * (np.abs(gram) @ np.abs(point) + np.abs(linear))
        slack[active] = -1.0
        slack[refused] = -1.0
        worst = int(np.argmax(slack))
        if slack[worst] <= 0:
            return point
        signs[worst] = -np.sign(slope[worst])
    return point


def _solve(block: Floats, right: Floats) -> Floats:
    _, solution, info = lapack.dposv(block, right, lower=1)
    if info == 0:
        return np.asarray(solution)
    diagonal = block.diagonal()
    size = np.sqrt(np.where(diagonal > EPS * EPS, diagonal, 1.0))
    lower = factor(block / size / size[:, None])
    return np.asarray(lapack.dpotrs(lower, right / size, lower=1)[0] / size)


def _descend(
    block: Floats,
    linear: Floats,
    weights: Floats,
    point: Floats,
    signs: Floats,
    active: npt.NDArray[np.int64],
    target: Floats,
) -> None:
    """Exact line search from `point` towards `target` over the kinks of |z|, in place."""
    here = point[active]
    way = target - here
    slope = float(way @ (block @ here + linear[active]))
    curve = float(way @ block @ way)
    kinks = np.full(len(here), np.inf)
    moving = (way != 0) & (here != 0)
    kinks[moving] = -here[moving] / way[moving]
    kinks[kinks <= 0] = np.inf
    side = signs[active].copy()
    at, stopped = 0.0, -1
    for kink in np.argsort(kinks, kind="stable"):
        end = min(float(kinks[kink]), 1.0)
        best = -(slope + float((weights[active] * side) @ way)) / curve if curve > 0 else end
        if best <= end:
            at = max(best, at)
            stopped = -1
            break
        at = end
        if end >= 1.0:
            break
        stopped = int(kink)
        side[kink] = -side[kink]
        if slope + at * curve + float((weights[active] * side) @ way) >= 0:
            break
        stopped = -1
    moved = here + at * way
    if stopped >= 0:
        moved[stopped] = 0.0
        side[stopped] = 0.0
    point[active] = moved
    signs[active] = np.where(moved == 0, 0.0, side)
