"""The lease that a second trader waits for: who holds it, for how long, and who may follow."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting.conditions import until_async
from waiting.virtual_time import VirtualTime

from tradebot.trader.claim_files import ClaimFiles
from tradebot.trader.lease import FileLease, LeaseError, LeaseTakenError
from tradebot.trader.renewed_lease import Claim, PlaceError, RenewedLease, Term, boottime

TERM = Term(9)


class Memory:
    """A place in memory that several leases share; `cut` makes it unreachable."""

    def __init__(self) -> None:
        self.claim, self.version, self.cut = Claim(), 0, False

    def of(self) -> "MemoryPlace":
        return MemoryPlace(self)


class MemoryPlace:
    def __init__(self, memory: Memory) -> None:
        self.memory, self.seen, self.cut = memory, -1, False

    def _reach(self) -> None:
        if self.cut or self.memory.cut:
            raise PlaceError("unreachable")

    async def read(self) -> Claim:
        self._reach()
        self.seen = self.memory.version
        return self.memory.claim

    async def write(self, claim: Claim) -> bool:
        self._reach()
        if self.seen != self.memory.version:
            return False
        self.memory.claim, self.memory.version = claim, self.memory.version + 1
        self.seen = self.memory.version
        return True

    async def close(self) -> None:
        pass


class Traders:
    """Creates leases of one claim on a fake clock, and ends them."""

    def __init__(self, clock: VirtualTime) -> None:
        self.memory, self.clock, self.made = Memory(), clock, list[RenewedLease]()

    def lease(self, holder: str, term: Term = TERM) -> RenewedLease:
        made = RenewedLease(self.memory.of(), holder=holder, term=term, clock=self.clock.time)
        self.made.append(made)
        return made


@pytest.fixture
async def traders(virtual_time: VirtualTime) -> AsyncIterator[Traders]:
    made = Traders(virtual_time)
    yield made
    for each in made.made:
        await each.release()


async def test_a_holder_stops_before_another_may_follow(traders: Traders) -> None:
    first, second = traders.lease("first"), traders.lease("second", Term(1))
    assert await first.acquire() == 1
    traders.memory.cut = True
    await asyncio.sleep(5.9)
    assert first.held()
    await asyncio.sleep(0.2)
    assert not first.held(), "two thirds of the duration are over"
    traders.memory.cut = False
    waiting = asyncio.create_task(second.acquire())
    await asyncio.sleep(8.9)
    assert not waiting.done(), "the claim's own duration counts, not that of who waits"
    await asyncio.sleep(0.3)
    assert await waiting == 2
    assert second.held() and not first.held()


async def test_a_holder_whose_machine_was_suspended_has_lost_its_lease(traders: Traders) -> None:
    holder = traders.lease("pod")
    await holder.acquire()
    traders.clock.now += 7  # without a renewal
    assert not holder.held()
    traders.clock.now -= 7
    assert not holder.held(), "what was lost stays lost"


async def test_a_holder_renews_by_itself_and_the_other_waits(traders: Traders) -> None:
    first, second = traders.lease("first"), traders.lease("second")
    await first.acquire()
    waiting = asyncio.create_task(second.acquire())
    await asyncio.sleep(600)
    assert first.held() and not waiting.done() and second.other == "first"
    await first.release()
    before = traders.clock.now
    assert await waiting == 2
    assert traders.clock.now - before < 1, "who stops gives the lease back"


async def test_a_renewal_whose_response_was_lost_is_recognised(traders: Traders) -> None:
    holder = traders.lease("pod")
    await holder.acquire()
    place = holder._place
    assert isinstance(place, MemoryPlace)
    place.seen -= 1  # as if a write was accepted and its response lost
    await asyncio.sleep(20)
    assert holder.held()


async def test_a_successor_of_the_same_name_is_not_taken_for_oneself(traders: Traders) -> None:
    before, after = traders.lease("pod"), traders.lease("pod")
    await before.acquire()
    assert await after.acquire() == 2
    with pytest.raises(LeaseError, match="lost"):
        await before.exceed(7)  # raises its own epoch above the successor's first
    assert traders.memory.claim.epoch == 2 and after.held() and not before.held()


async def test_a_short_silence_of_the_place_costs_no_lease(traders: Traders) -> None:
    holder = traders.lease("pod")
    await holder.acquire()
    for _ in range(5):
        traders.memory.cut = True
        await asyncio.sleep(3)
        traders.memory.cut = False
        await asyncio.sleep(3)
    assert holder.held()


async def test_a_holder_that_was_followed_sends_nothing(traders: Traders) -> None:
    first = traders.lease("first")
    await first.acquire()
    traders.memory.claim, traders.memory.version = Claim(holder="second", epoch=2, renewed="x"), 99
    await asyncio.sleep(TERM.renew + 0.1)
    assert not first.held(), "its next renewal tells, though its own time is not over"
    assert traders.memory.claim.holder == "second"


async def test_an_epoch_is_raised_above_the_journal_s_and_never_in_others_hands(
    traders: Traders,
) -> None:
    holder = traders.lease("pod")
    await holder.acquire()
    assert await holder.exceed(7) == 8
    await asyncio.sleep(20)
    assert holder.held() and traders.memory.claim.epoch == 8, "it is renewed under its new epoch"
    traders.memory.claim, traders.memory.version = Claim(holder="other", epoch=9, renewed="x"), 99
    with pytest.raises(LeaseError, match="lost the lease"):
        await holder.exceed(20)
    assert traders.memory.claim.epoch == 9


def test_the_clock_counts_the_time_of_a_suspended_machine() -> None:
    if not hasattr(time, "CLOCK_BOOTTIME"):
        pytest.skip("this system has no CLOCK_BOOTTIME")
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= boottime() <= time.clock_gettime(time.CLOCK_BOOTTIME)


@settings(deadline=None)
@given(st.floats(min_value=0.5, max_value=600))
def test_a_holder_s_trust_ends_and_a_missed_renewal_fits_into_it(seconds: float) -> None:
    term = Term(seconds)
    assert term.trusted < term.seconds
    assert 2 * term.renew < term.trusted
    assert term.poll + term.renew < term.seconds


# On one machine.


async def test_claims_in_files_are_taken_by_one_and_their_epoch_rises(tmp_path: Path) -> None:
    first = RenewedLease(ClaimFiles(tmp_path), holder="first")
    second = RenewedLease(ClaimFiles(tmp_path), holder="second")
    assert await first.acquire() == 1
    waiting = asyncio.create_task(second.acquire())
    await until_async(lambda: second.other == "first")
    assert not waiting.done()
    await first.release()
    assert await waiting == 2
    assert (tmp_path / "epoch").read_text() == "2"
    await second.release()
    alone = FileLease(tmp_path)
    assert await alone.acquire() == 3, "a trader without a standby goes on from there"
    await alone.release()


async def test_a_trader_with_a_standby_and_one_without_exclude_each_other(tmp_path: Path) -> None:
    alone, shared = (
        FileLease(tmp_path, patience=0.1),
        RenewedLease(ClaimFiles(tmp_path), holder="a"),
    )
    await alone.acquire()
    with pytest.raises(LeaseTakenError, match="without --standby"):
        await shared.acquire()
    await alone.release()
    await shared.acquire()
    with pytest.raises(LeaseTakenError, match="another trader is running"):
        await alone.acquire()
    await shared.release()


async def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    lease = RenewedLease(ClaimFiles(tmp_path / "file"), holder="a")
    with pytest.raises(LeaseError, match="choose a writable folder"):
        await lease.acquire()


async def test_a_claim_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    (tmp_path / "claim.4").write_text("{")
    lease = RenewedLease(ClaimFiles(tmp_path), holder="a")
    with pytest.raises(LeaseError, match="delete the files"):
        await lease.acquire()
    await lease.release()


@settings(deadline=None, max_examples=60)
@given(steps=st.lists(st.tuples(st.integers(0, 2), st.sampled_from("rw")), max_size=40))
def test_a_write_succeeds_only_on_top_of_the_newest_claim(
    steps: list[tuple[int, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("claims")

    async def run() -> None:
        places = [ClaimFiles(folder) for _ in range(3)]
        seen = [-1, -1, -1]
        version = 0
        newest = Claim(unwritten=True)
        for who, act in steps:
            if act == "r":
                assert await places[who].read() == newest
                seen[who] = version
            elif seen[who] >= 0:
                claim = Claim(holder=str(who), epoch=version, renewed=str(version))
                assert await places[who].write(claim) == (seen[who] == version)
                if seen[who] == version:
                    version, newest = version + 1, claim
                    seen[who] = version
        for place in places:
            await place.close()

    asyncio.run(run())
