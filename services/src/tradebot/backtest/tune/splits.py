"""Purged walk-forward splits: learn on the past, skip a gap, test on what follows."""

from itertools import pairwise

import msgspec


class Split(msgspec.Struct, frozen=True):
    """Rows [learn_start, learn_end) and [test_start, test_end) of a table of bars."""

    learn_start: int
    learn_end: int
    test_start: int
    test_end: int


def walk_forward(rows: int, splits: int, purge: int, learn_share: float = 0.5) -> list[Split]:
    """Returns splits whose tests are consecutive and cover the end of the table.

    The first `learn_share` of the rows is only learnt from; the rest is cut into `splits` tests.
    Each learns from all rows before it, except the last `purge`: a position opened or an average
    begun there would reach into the test.

    >>> walk_forward(100, 2, 5)
    [Split(learn_start=0, learn_end=45, test_start=50, test_end=75), \
Split(learn_start=0, learn_end=70, test_start=75, test_end=100)]

    Raises:
        ValueError: there are too few rows for that many splits.
    """
    first = int(rows * learn_share)
    length = (rows - first) // splits
    if length < 2 or first - purge < 2:
        raise ValueError(
            f"{rows} bars are too few for {splits} splits with a purge of {purge}: use more "
            "bars, fewer splits or a shorter purge"
        )
    edges = [first + index * length for index in range(splits)] + [rows]
    return [Split(0, start - purge, start, end) for start, end in pairwise(edges)]
