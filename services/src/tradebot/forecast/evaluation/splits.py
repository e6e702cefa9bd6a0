"""Splits a history for walk-forward tests: learn from the past, test on what follows.

    learnt from ......... | embargo | test, origin by origin ... |   gap   | ... | test |

A model that is refitted at each origin learns from all minutes before it: no target reaches past
the origin, so nothing must be purged. A model that is trained once per fold ends its training
`embargo` minutes before the test. The embargo is at least its longest target, so no target of the
training overlaps a tested minute. Tests are `gap` minutes apart.
"""

from dataclasses import dataclass

from tradebot.history.bars import MINUTE, Series


@dataclass(frozen=True)
class Fold:
    """One test: times in ms UTC; the test is [test_start, test_end)."""

    train_end: int
    test_start: int
    test_end: int

    def origins(self, stride: int) -> range:
        """Returns the times at which forecasts are made, `stride` minutes apart."""
        return range(self.test_start, self.test_end, stride * MINUTE)


class SplitError(ValueError):
    """The history is too short for the splits; the message says how much is needed."""


def folds(
    history: Series, *, count: int, minutes: int, stride: int, embargo: int, gap: int, least: int
) -> list[Fold]:
    """Returns the last `count` tests of `minutes` each, oldest first; all arguments in minutes.

    Args:
        stride: between two origins, and the longest horizon scored; it divides `minutes`.
        embargo: between training and test, at least `stride`.
        gap: between two tests.
        least: minimum to learn from before the first test.

    Raises:
        SplitError: the history is too short, or the arguments do not fit together.
    """
    if minutes % stride:
        raise SplitError(
            f"a test of {minutes} minutes cannot be divided into forecasts of {stride}: use a "
            "multiple"
        )
    embargo = max(embargo, stride)
    end = history.end + MINUTE
    needed = count * minutes + (count - 1) * gap + embargo + least
    if (end - history.start) // MINUTE < needed:
        raise SplitError(
            f"{count} tests of {minutes} minutes need {needed} minutes of history, there are "
            f"{(end - history.start) // MINUTE}: use a longer history, or fewer or shorter tests"
        )
    found = []
    for number in range(count):
        test_end = end - number * (minutes + gap) * MINUTE
        test_start = test_end - minutes * MINUTE
        found.append(Fold(test_start - embargo * MINUTE, test_start, test_end))
    return found[::-1]
