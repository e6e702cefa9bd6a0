"""Takeovers on a virtual clock, with the product's own lease, ledger, executor and reconciler."""

import asyncio

import pytest
from soaks.pair import LEASE_SECONDS, Pair
from waiting.virtual_time import VirtualTime


@pytest.mark.parametrize("seed", [1, 2])
async def test_takeovers_double_and_lose_no_order_and_are_done_in_time(
    seed: int, virtual_time: VirtualTime
) -> None:
    pair = Pair(virtual_time.time, seed=seed)
    await pair.run(30)
    summary = pair.summary()
    assert summary["doubled"] == summary["lost"] == 0
    assert summary["takeovers"] == 30 and summary["p99_s"] <= 20
    assert all(min(took) >= LEASE_SECONDS / 2 for took in pair.took.values())
    await asyncio.sleep(0)
