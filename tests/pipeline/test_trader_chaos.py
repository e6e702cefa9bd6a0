"""Faults and kills against a running trader.

The short soak always runs. `make chaos` runs the long one, and shows with eight traders that lack
one guard each that the soak would notice. TRADEBOT_CHAOS_SEED repeats a run.
"""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from soaks.chaos import Soak, encoded
from soaks.unguarded_trader import GUARDS

Say = Callable[[str], None]


def test_a_short_soak_ends_with_books_equal_to_the_exchange(tmp_path: Path) -> None:
    soak = Soak(tmp_path, seed=7, speed=120)
    soak.run(orders=6, faults=15, kill_every=5, rate=0.02, limit=60, patient=True)
    assert soak.orders >= 3 and soak.faults >= 10 and soak.kills >= 1


def test_a_short_soak_with_its_journal_in_kafka_ends_with_books_equal_to_the_exchange(
    tmp_path: Path, kafka_address: str
) -> None:
    soak = Soak(tmp_path, seed=11, speed=120, kafka=kafka_address)
    soak.run(orders=6, faults=15, kill_every=5, rate=0.02, limit=60, patient=True)
    assert soak.orders >= 3 and soak.faults >= 10 and soak.kills >= 1


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_a_long_soak_ends_with_books_equal_and_each_loss_within_its_stop(
    tmp_path: Path, say: Say
) -> None:
    seed = int(os.environ.get("TRADEBOT_CHAOS_SEED", random.randrange(10**6)))
    say(f"TRADEBOT_CHAOS_SEED={seed} repeats this run")
    kafka = os.environ.get("TRADEBOT_TEST_KAFKA", "")
    soak = Soak(tmp_path, seed=seed, speed=10, step=3000, kafka=kafka, hostile=True)
    try:
        soak.run(orders=1000, faults=5000, kill_every=20, rate=0.02, limit=3000, patient=True)
    finally:
        say(encoded(soak.summary()))
    assert soak.orders >= 1000 and soak.faults >= 5000
    assert soak.summary()["kinds"]["fill-after-cancel"] >= 1


@pytest.mark.chaos
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", list(GUARDS))
def test_the_soak_notices_a_trader_without(name: str, tmp_path: Path, say: Say) -> None:
    guard = GUARDS[name]
    pace: dict[str, Any] = {"speed": 10, "step": 3000} if guard.often else {"speed": 120}
    soak = Soak(tmp_path, seed=3, guard=name, **pace)
    with pytest.raises(AssertionError, match=guard.noticed) as noticed:
        if guard.often:
            soak.run(orders=25, faults=25, kill_every=4, rate=0.04, limit=100, patient=True)
        else:
            soak.run(orders=60, faults=0, kill_every=20, rate=0.03, limit=120)
    say(f"without {name}: {str(noticed.value)[:200]}")
    say(encoded(soak.summary()))
