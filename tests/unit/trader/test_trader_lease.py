"""The lease on one machine: held by one trader, with an epoch that only rises."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tradebot.trader.claim_files import ClaimFiles
from tradebot.trader.lease import FileLease, Lease, LeaseError, LeaseTakenError
from tradebot.trader.renewed_lease import RenewedLease


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


@pytest.fixture(params=["locked file", "claims"])
def lease_in(request: pytest.FixtureRequest) -> Callable[[Path], Lease]:
    """The leases of one machine: the bot's own lock, and the one that a standby waits for."""
    if request.param == "locked file":
        return FileLease
    return lambda folder: RenewedLease(ClaimFiles(folder), holder="trader")


async def test_a_new_lease_knows_that_no_journal_was_written_until_one_is(
    lease_in: Callable[[Path], Lease], tmp_path: Path
) -> None:
    for _start in range(3):  # a bot whose first starts fail before their first entry stays new
        lease = lease_in(tmp_path)
        await lease.acquire()
        assert lease.journal_unwritten()
        await lease.release()
    lease = lease_in(tmp_path)
    await lease.acquire()
    lease.journal_written()
    await lease.release()
    lease = lease_in(tmp_path)
    await lease.acquire()
    assert not lease.journal_unwritten()
    await lease.release()


async def test_a_lease_from_before_this_was_noted_expects_a_journal(
    lease_in: Callable[[Path], Lease], tmp_path: Path
) -> None:
    (tmp_path / "epoch").write_text("4")
    lease = lease_in(tmp_path)
    assert await lease.acquire() == 5
    assert not lease.journal_unwritten()
    await lease.release()
