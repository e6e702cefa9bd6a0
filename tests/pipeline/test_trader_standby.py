"""A standby takes over from a trader that was killed, stopped or cut off from its lease.

A kill and a stop run always. `make chaos` runs many, with processes and on a virtual clock.
"""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from soaks.chaos import encoded
from soaks.pair import Pair
from soaks.takeovers import Takeovers
from waiting.virtual_time import VirtualTime

Say = Callable[[str], None]


def test_a_standby_goes_on_whatever_befell_the_active_trader(tmp_path: Path) -> None:
    soak = Takeovers(tmp_path, seed=5, lease_seconds=9.0)
    soak.run(2)
    assert soak.count == 2


@pytest.mark.chaos
@pytest.mark.timeout(7200)
def test_many_takeovers_lose_and_double_no_order(tmp_path: Path, say: Say) -> None:
    seed = int(os.environ.get("TRADEBOT_CHAOS_SEED", random.randrange(10**6)))
    count = int(os.environ.get("TRADEBOT_TAKEOVERS", 60))
    say(f"TRADEBOT_CHAOS_SEED={seed} repeats this run")
    soak = Takeovers(tmp_path, seed=seed, lease_seconds=4.5)
    try:
        soak.run(count)
    finally:
        say(encoded(soak.summary()))
    assert soak.count == count


@pytest.mark.chaos
@pytest.mark.timeout(3600)
async def test_five_hundred_takeovers_are_done_within_twenty_seconds_each(
    virtual_time: VirtualTime, say: Say
) -> None:
    seed = int(os.environ.get("TRADEBOT_CHAOS_SEED", random.randrange(10**6)))
    pair = Pair(virtual_time.time, seed=seed)
    try:
        await pair.run(500)
    finally:
        say(encoded(pair.summary()))
    assert pair.summary()["p99_s"] <= 20
