"""What each exit loses in a collapsing market while a part of the system is gone.

A few seeds run always. `make chaos` runs thirty and prints the table.
"""

from collections.abc import Callable
from itertools import product
from statistics import median

import pytest
from soaks.drill import BOUNDED, MARKETS, OUTAGES, POLICIES, Gone, Loss, Market, run

Say = Callable[[str], None]
PROCESS: Gone = "the process"


async def losses(seeds: range) -> dict[tuple[str, Market, Gone], list[Loss]]:
    """All runs, by policy, market and what is gone."""
    return {
        (name, market, gone): [await run(market, gone, exits, seed) for seed in seeds]
        for (name, exits), market, gone in product(POLICIES.items(), MARKETS, OUTAGES)
    }


def check(runs: dict[tuple[str, Market, Gone], list[Loss]]) -> None:
    """A stop keeps what it promises, where it can work at all; without one the fall is the loss."""
    for (name, market, gone), found in runs.items():
        if name in BOUNDED:
            assert not any(one.left for one in found), (name, market, gone)
            assert all(one.loss <= one.bound for one in found), (name, market, gone, found)
        # A market may leap over the limit of the order that rests: the next trader sells then.
        if (gone != PROCESS and name in BOUNDED) or (
            name == "restAtVenue" and market == "falls 60 %"
        ):
            assert not any(one.alone for one in found), (name, market, gone)
        if name == "no exit" and market != "gaps 10 %":
            assert all(one.loss > 0.5 for one in found)


def table(runs: dict[tuple[str, Market, Gone], list[Loss]]) -> str:
    """Median and worst loss of each policy; bounds only where a policy promises one.

    `alone` counts the runs in which all was sold before a new trader started, `sold` those after
    its first check.
    """
    lines = [
        f"{'market':15} {'gone':12} {'policy':16} {'median':>8} {'worst':>8} {'bound':>8}"
        "  alone  sold"
    ]
    for (name, market, gone), found in sorted(
        runs.items(), key=lambda item: (MARKETS.index(item[0][1]), OUTAGES.index(item[0][2]))
    ):
        worst = max(found, key=lambda one: one.loss)
        bound = f"{worst.bound:8.1%}" if name in BOUNDED else " " * 8
        alone, sold = (sum(not rest for rest in rests) for rests in _rests(found))
        lines.append(
            f"{market:15} {gone:12} {name:16} {median(one.loss for one in found):8.1%}"
            f" {worst.loss:8.1%} {bound}  {alone:5}  {sold:4}  of {len(found)}"
        )
    return "\n".join(lines)


def _rests(found: list[Loss]) -> tuple[list[float], list[float]]:
    """What was left without a new trader, and after its first check."""
    return [one.alone for one in found], [one.left for one in found]


async def test_in_a_collapse_a_stop_loses_no_more_than_stop_and_slippage() -> None:
    check(await losses(range(1, 2)))


@pytest.mark.chaos
@pytest.mark.timeout(3600)
async def test_thirty_collapses_lose_no_more_than_stop_and_slippage(say: Say) -> None:
    runs = await losses(range(1, 31))
    say(table(runs))
    check(runs)
