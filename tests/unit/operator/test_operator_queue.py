"""The operator's queue: no key twice, none missed, each with its own backoff."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from tradebot_operator.queue import WorkQueue


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def queue(clock: Clock | None = None) -> WorkQueue[str]:
    return WorkQueue(base=1.0, cap=10.0, monotonic=clock or Clock(), jitter=lambda: 0.5)


async def test_a_key_that_is_added_often_is_worked_on_once() -> None:
    keys = queue()
    for _ in range(1000):
        keys.add("a")
    assert len(keys) == 1
    assert await keys.get() == "a"
    assert len(keys) == 0


async def test_a_key_added_while_it_is_worked_on_runs_once_more_afterwards() -> None:
    keys = queue()
    keys.add("a")
    await keys.get()
    keys.add("a")
    keys.add("a")
    assert len(keys) == 0, "never worked on twice at once"
    keys.done("a")
    assert len(keys) == 1


async def test_a_failing_key_waits_twice_as_long_each_time_and_others_do_not_wait() -> None:
    keys = queue(clock := Clock())
    assert [keys.retry("a") for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    assert keys.retry("a", cap=3) == 3, "where more patience helps nobody"
    keys.add("b")
    assert await keys.get() == "b"
    clock.now = 11.0
    assert await keys.get() == "a"


async def test_success_ends_the_back_off() -> None:
    keys = queue()
    keys.retry("a")
    keys.retry("a")
    keys.forget("a")
    assert keys.retry("a") == 1


async def test_of_several_delays_the_shortest_counts() -> None:
    keys = queue(clock := Clock())
    keys.add("a", delay=9)
    keys.add("a", delay=2)
    keys.add("a", delay=5)
    clock.now = 2.5
    assert await keys.get() == "a"
    keys.done("a")
    clock.now = 20.0
    keys.add("b")
    assert await keys.get() == "b"
    assert len(keys) == 0, "the longer delays are void"


async def test_the_age_is_that_of_the_longest_waiting_key() -> None:
    keys = queue(clock := Clock())
    keys.add("a")
    clock.now = 3.0
    keys.add("b")
    clock.now = 5.0
    assert keys.age() == 5.0
    await keys.get()
    assert keys.age() == 2.0


@given(st.lists(st.sampled_from(["add a", "add b", "get", "done"]), max_size=60))
def test_every_key_added_is_looked_at_after_it_was_added(steps: list[str]) -> None:
    async def run() -> None:
        keys = queue()
        pending: set[str] = set()
        working: list[str] = []
        for step in steps:
            if step.startswith("add"):
                key = step[-1]
                keys.add(key)
                pending.add(key)
            elif step == "get" and len(keys):
                key = await keys.get()
                assert key not in working
                working.append(key)
                pending.discard(key)
            elif step == "done" and working:
                keys.done(working.pop(0))
        for key in working:
            keys.done(key)
        left = set()
        while len(keys):
            key = await keys.get()
            left.add(key)
            keys.done(key)
        assert pending <= left

    asyncio.run(run())


async def test_urgent_keys_go_first_and_the_others_are_not_forgotten() -> None:
    clock = Clock()
    keys: WorkQueue[str] = WorkQueue(
        urgent=lambda key: key.startswith("u"), patience=5.0, monotonic=clock
    )
    for name in ("a", "u1", "b", "u2", "u3", "u4"):
        keys.add(name)
        clock.now += 1.0
    order = []
    for _ in range(6):
        order.append(await keys.get())
        clock.now += 0.5
    assert order == ["a", "u1", "b", "u2", "u3", "u4"]
