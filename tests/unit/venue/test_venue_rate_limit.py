"""The venue's limits are kept on our side, the most urgent request first."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.venue.backoff import Backoff
from tradebot.venue.gemini.rate_limit import Priority, RateLimit, TokenBucket


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@settings(max_examples=50)
@given(
    st.sampled_from([(120, 20), (600, 60), (10, 9)]),
    st.lists(st.floats(0, 5, allow_nan=False), min_size=1, max_size=400),
)
def test_no_minute_sees_more_requests_than_the_venue_allows(
    limit: tuple[int, int], waits: list[float]
) -> None:
    per_minute, burst = limit
    clock = Clock()
    bucket = TokenBucket(per_minute, burst, clock)
    taken: list[float] = []
    for wait in waits * 4:
        clock.now += wait / 10
        while bucket.take() == 0.0:
            taken.append(clock.now)
    for start in taken:
        assert sum(start <= at < start + 60 for at in taken) <= per_minute


def test_a_bucket_says_how_long_the_next_token_takes() -> None:
    clock = Clock()
    bucket = TokenBucket(61, 1, clock)
    assert bucket.take() == 0.0
    wait = bucket.take()
    assert wait == pytest.approx(1.0)
    clock.now += wait
    assert bucket.take() == 0.0


def test_after_a_refusal_nothing_goes_until_the_pause_is_over() -> None:
    clock = Clock()
    bucket = TokenBucket(600, 60, clock)
    bucket.pause(3.0)
    assert bucket.take() == pytest.approx(3.0)
    clock.now = 3.0
    assert bucket.take() == 0.0
    assert bucket.take() > 0.0


def test_an_invalid_burst_is_refused() -> None:
    with pytest.raises(ValueError, match="burst must be between"):
        TokenBucket(10, 10, Clock())


async def test_cancels_go_before_orders_and_orders_before_tickers() -> None:
    limit = RateLimit(600, burst=50, concurrent=1)
    went: list[str] = []
    release = asyncio.Event()

    async def request(name: str, priority: Priority) -> None:
        async with limit.slot(priority):
            went.append(name)
            await release.wait()

    tasks = []
    for name, priority in [
        ("first", Priority.INFORMATION),
        ("ticker", Priority.INFORMATION),
        ("order", Priority.ORDER),
        ("cancel", Priority.SAFETY),
        ("look-up", Priority.SAFETY),
    ]:
        tasks.append(asyncio.create_task(request(name, priority)))
        await asyncio.sleep(0)
    assert limit.waiting() == 4
    release.set()
    await asyncio.gather(*tasks)
    assert went == ["first", "cancel", "look-up", "order", "ticker"]


async def test_one_key_has_one_request_under_way() -> None:
    limit = RateLimit(600, burst=50, concurrent=1)
    under_way = most = 0

    async def request() -> None:
        nonlocal under_way, most
        async with limit.slot(Priority.SAFETY):
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(request() for _ in range(20)))
    assert most == 1


async def test_a_request_that_gave_up_waiting_takes_no_slot() -> None:
    limit = RateLimit(600, burst=50, concurrent=1)

    async def use() -> None:
        async with limit.slot(Priority.ORDER):
            pass

    async with limit.slot(Priority.ORDER):
        waiting = asyncio.create_task(use())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(20):
        await use()


async def test_a_request_cancelled_in_the_moment_of_its_turn_gives_the_slot_on() -> None:
    limit = RateLimit(600, burst=50, concurrent=1)

    async def use() -> None:
        async with limit.slot(Priority.ORDER):
            await asyncio.sleep(0)

    async with limit.slot(Priority.ORDER):
        waiting = asyncio.create_task(use())
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(20):
        await use()


def test_delays_grow_with_failures_and_are_never_all_alike() -> None:
    highest = Backoff(first=0.5, most=30, uniform=lambda _low, high: high)
    lowest = Backoff(first=0.5, most=30, uniform=lambda low, _high: low)
    assert [highest.failed() for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert [lowest.failed() for _ in range(4)] == [0.25, 0.5, 1, 2]


def test_only_a_connection_that_lasted_resets_the_delays() -> None:
    clock = Clock()
    backoff = Backoff(uniform=lambda _low, high: high, clock=clock)
    backoff.failed()
    backoff.connected()
    clock.now += 5
    assert backoff.failed() == 1.0
    backoff.connected()
    clock.now += 30
    backoff.connected()
    assert backoff.failed() == 0.5


async def test_a_request_waits_for_its_token_and_no_longer() -> None:
    limit = RateLimit(6001, burst=1, concurrent=8)
    loop = asyncio.get_running_loop()
    began = loop.time()
    times: list[float] = []
    for _ in range(6):
        async with limit.slot(Priority.ORDER):
            times.append(loop.time() - began)
    assert all(at >= number * 0.0099 for number, at in enumerate(times))
    assert limit.waiting() == 0


def gone_in(limit: RateLimit, clock: Clock) -> float:
    """Returns the seconds until a call would be sent."""
    began = clock.now
    while (wait := limit._bucket.take()) > 0:
        clock.now += wait + 1e-6
    return clock.now - began


def test_pauses_grow_while_the_venue_says_too_many_and_names_no_time() -> None:
    clock = Clock()
    limit = RateLimit(120, burst=20, concurrent=8, clock=clock)
    pauses = []
    for _ in range(6):
        limit.refused()
        pauses.append(gone_in(limit, clock))
        limit.accepted()
    for pause, most in zip(pauses, (1, 2, 4, 8, 8, 8), strict=True):
        assert most / 2 <= pause <= most + 1  # a token takes up to a second more
    clock.now += 31
    limit.refused()
    assert gone_in(limit, clock) <= 2


def test_the_time_that_the_venue_names_is_kept_to() -> None:
    clock = Clock()
    limit = RateLimit(120, burst=20, concurrent=8, clock=clock)
    for _ in range(3):
        limit.refused(3.0)
        assert 3.0 <= gone_in(limit, clock) <= 4.0
