"""A standby takes over from a trader that was killed, stopped or cut off from its lease.

A short run of each kind always runs; `make chaos` runs many.
"""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from soaks.chaos import encoded
from soaks.takeovers import Takeovers

Say = Callable[[str], None]


def test_a_standby_goes_on_whatever_befell_the_active_trader(tmp_path: Path) -> None:
    soak = Takeovers(tmp_path, seed=5, lease_seconds=3.0)
    soak.run(3)
    assert all(len(took) == 1 for took in soak.took.values())


@pytest.mark.chaos
@pytest.mark.timeout(7200)
def test_many_takeovers_lose_and_double_no_order(tmp_path: Path, say: Say) -> None:
    seed = int(os.environ.get("TRADEBOT_CHAOS_SEED", random.randrange(10**6)))
    count = int(os.environ.get("TRADEBOT_TAKEOVERS", 500))
    say(f"TRADEBOT_CHAOS_SEED={seed} repeats this run")
    soak = Takeovers(tmp_path, seed=seed, lease_seconds=2.0)
    try:
        soak.run(count)
    finally:
        say(encoded(soak.summary()))
    assert soak.count == count
