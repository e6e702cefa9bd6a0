"""Determinism: whether the same bars give the same rows, also in another process."""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tradebot.strategies.checks.finding import Finding, utc
from tradebot.strategies.checks.rows import Candidate, Decide, Rows, first_difference, wanted
from tradebot.strategies.interface import Bars
from tradebot.strategies.loading import load
from tradebot.strategies.parameters import Values

HASH_SEED = "4711"
"""Hash seed of the other process, so that sets and dictionaries may have another order."""


def check(
    decide: Decide, bars: Bars, path_or_name: str, values: Values, before: Bars | None
) -> Finding:
    """Decides twice here and once in a new process with another hash seed.

    Args:
        path_or_name, values, before: the strategy, for the other process.
    """
    once, twice = decide(bars), decide(bars)
    bar = first_difference(once, twice)
    if bar is not None:
        return _differs(bars, bar, once, twice, "a second run")
    other = elsewhere(bars, path_or_name, values, before)
    bar = first_difference(once, other)
    if bar is not None:
        return _differs(bars, bar, once, other, "another process")
    text = "two runs and another process gave the same rows"
    return Finding(check="determinism", passed=True, reason=text)


def elsewhere(bars: Bars, path_or_name: str, values: Values, before: Bars | None) -> Rows:
    """Returns the rows of a new process with another hash seed."""
    known = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = HASH_SEED
    try:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return pool.submit(_decided, bars, path_or_name, dict(values), before).result()
    finally:
        if known is None:
            del os.environ["PYTHONHASHSEED"]
        else:
            os.environ["PYTHONHASHSEED"] = known


def _decided(bars: Bars, path_or_name: str, values: Values, before: Bars | None) -> Rows:
    return Candidate(load(path_or_name, values), before).rows(bars)


def _differs(bars: Bars, bar: int, once: Rows, other: Rows, where: str) -> Finding:
    ts = int(bars.ts[bar])
    return Finding(
        check="determinism",
        passed=False,
        reason=(
            f"the row of bar {bar} ({utc(ts)}) is {wanted(once[bar])}, but in {where} "
            f"{wanted(other[bar])}: seed random numbers, and do not depend on the order of sets"
        ),
        bar=bar,
        ts=ts,
    )
