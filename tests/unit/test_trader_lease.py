"""The lease on one machine: held by one trader, with an epoch that only rises."""

import stat
from pathlib import Path

import pytest

from tradebot.trader.lease import FileLease, LeaseError, LeaseTakenError


async def test_a_lease_is_held_by_one_and_its_epoch_rises(tmp_path: Path) -> None:
    first, second = FileLease(tmp_path), FileLease(tmp_path, patience=0.1)
    assert not first.held()
    assert await first.acquire() == 1
    with pytest.raises(LeaseTakenError, match="another trader is running for this bot"):
        await second.acquire()
    assert first.held() and not second.held()
    await first.release()
    assert await second.acquire() == 2
    await second.release()
    assert stat.S_ISREG((tmp_path / "epoch").stat().st_mode)


async def test_a_lease_whose_epoch_was_lost_rises_above_the_journal_s(tmp_path: Path) -> None:
    lease = FileLease(tmp_path)
    assert await lease.acquire() == 1
    assert await lease.exceed(7) == 8
    await lease.release()
    with pytest.raises(LeaseError, match="not held"):
        await lease.exceed(9)
    assert await lease.acquire() == 9


@pytest.mark.parametrize("left", ["", "no number"])
async def test_an_epoch_that_cannot_be_read_stops_no_trader(tmp_path: Path, left: str) -> None:
    (tmp_path / "epoch").write_text(left)
    lease = FileLease(tmp_path)
    assert await lease.acquire() == 1
    await lease.release()
