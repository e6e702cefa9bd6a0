"""Thins curves for display, without losing a peak or a trough."""

import numpy as np
from numpy.typing import NDArray


def extremes(values: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """The rows to draw, at most `most`: the first, lowest, highest and last of equal parts.

    Source: M4, Jugel et al., "M4: a visualization-oriented time series data aggregation", 2014.

    >>> extremes(np.array([0.0, 1, 9, 1, 0, -7, 0, 0, 0, 0]), 8).tolist()
    [0, 2, 4, 5, 6, 9]
    """
    rows = len(values)
    if rows <= most:
        return np.arange(rows)
    edges = np.linspace(0, rows, max(most // 4, 1) + 1).astype(np.int64)
    low, high = (
        np.array([a + int(pick(values[a:b])) for a, b in zip(edges, edges[1:], strict=False)])
        for pick in (np.argmin, np.argmax)
    )
    return np.unique(np.concatenate((edges[:-1], low, high, edges[1:] - 1)))
