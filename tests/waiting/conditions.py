"""Waits for a condition: the only way in which tests wait for something to happen.

A time limit only lets a failing test end. It says nothing about how fast the code is, so it is long
enough for a machine under heavy load.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 120.0


def _late(seconds: float, told: Callable[[], object]) -> AssertionError:
    return AssertionError(f"the condition did not hold within {seconds:g} s: {told()}")


def until(
    condition: Callable[[], T],
    *,
    seconds: float = PATIENCE_SECONDS,
    pause: float = 0.02,
    told: Callable[[], object] = str,
) -> T:
    """Returns the first true value of `condition`.

    Args:
        condition: called again and again.
        seconds: after which the test fails.
        pause: seconds between two calls.
        told: what to show on failure: a log's end, the values seen.

    Raises:
        AssertionError: the condition did not hold in time.
    """
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise _late(seconds, told)
        time.sleep(pause)
    return value


async def until_async(
    condition: Callable[[], T | Awaitable[T]],
    *,
    seconds: float = PATIENCE_SECONDS,
    pause: float = 0.005,
    told: Callable[[], object] = str,
) -> T:
    """Like `until`, without blocking the event loop; `condition` may be a coroutine function.

    Raises:
        AssertionError: the condition did not hold in time.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if loop.time() > end:
            raise _late(seconds, told)
        await asyncio.sleep(pause)
