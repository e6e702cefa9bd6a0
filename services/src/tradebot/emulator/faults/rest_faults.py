"""Faults of REST calls: before, instead of, and after they are processed."""

import asyncio
import contextlib
from collections.abc import Callable

import msgspec
from starlette.responses import Response

from tradebot.emulator.faults.broken import BrokenOff, CutOff, Trickling
from tradebot.emulator.faults.injector import Injector
from tradebot.emulator.faults.rules import (
    AcceptLate,
    Delay,
    Drop,
    Duplicate,
    Error,
    Part,
    Reorder,
    Trickle,
    Truncate,
)
from tradebot.emulator.faults.state import FaultState
from tradebot.emulator.refusals import RefusalError, maintenance, too_many_requests

_NEW_ORDER = "/v1/order/new"
Begin = Callable[[], Callable[[], Response]]
"""Validates a call, and returns the function that handles it."""

_OVERTAKEN_LIMIT = 2.0
"""Seconds that a response waits to be overtaken."""

_LEAD = 0.05
"""Seconds between the overtaking response and the overtaken one."""


class RestFaults:
    """Sits between the web and the exchange."""

    def __init__(self, injector: Injector, state: FaultState) -> None:
        self._injector = injector
        self._state = state
        self._held: asyncio.Future[None] | None = None

    async def serve(self, path: str, begin: Begin) -> Response:
        """Returns the response to a call, or a fault instead.

        Args:
            begin: validates the call and returns the function that handles it.
        """
        closed = self._closed()
        if closed is not None:
            return closed
        if self._injector.idle():
            return self._lost_or(begin()())
        instead = await self._before(path, begin)
        if instead is not None:
            return instead
        response = self._lost_or(begin()())
        if self._injector.strike(Duplicate, "rest", path):
            response = begin()()
        if not isinstance(response, BrokenOff):
            response = await self._after(path, response)
        self._overtake()
        return response

    def _closed(self) -> Response | None:
        refusal: RefusalError | None = None
        if self._state.in_maintenance():
            refusal = maintenance()
        elif self._state.in_storm():
            refusal = too_many_requests()
        if refusal is None:
            return None
        body = msgspec.json.encode(refusal.body())
        return Response(body, refusal.status, media_type="application/json")

    def _lost_or(self, response: Response) -> Response:
        return BrokenOff() if self._state.take_lost_answer() else response

    async def _before(self, path: str, begin: Begin) -> Response | None:
        await self._sleep(path, "request")
        error = self._injector.strike(Error, "rest", path, lambda rule: not rule.processed)
        if error is not None:
            return _error(error[0])
        if self._injector.strike(Drop, "rest", path, lambda rule: rule.part == "request"):
            return BrokenOff()
        late = self._injector.strike(AcceptLate, "rest", path) if path == _NEW_ORDER else None
        if late is not None:
            asyncio.get_running_loop().call_later(late[0].seconds, begin())
            return BrokenOff()
        return None

    async def _after(self, path: str, response: Response) -> Response:
        await self._sleep(path, "answer")
        if self._held is None and self._injector.strike(Reorder, "rest", path):
            await self._be_overtaken()
        error = self._injector.strike(Error, "rest", path, lambda rule: rule.processed)
        if error is not None:
            return _error(error[0])
        if self._injector.strike(Drop, "rest", path, lambda rule: rule.part == "answer"):
            return BrokenOff()
        if self._injector.strike(Truncate, "rest", path):
            return CutOff(response.body, response.status_code, media_type="application/json")
        trickle = self._injector.strike(Trickle, "rest", path)
        if trickle is not None:
            slow = Trickling(response.body, response.status_code, media_type="application/json")
            slow.seconds = trickle[0].seconds
            return slow
        return response

    async def _sleep(self, path: str, part: Part) -> None:
        delay = self._injector.strike(Delay, "rest", path, lambda rule: rule.part == part)
        if delay is not None:
            rule, random = delay
            await asyncio.sleep(rule.seconds + rule.jitter * random.random())

    async def _be_overtaken(self) -> None:
        """Waits until the next response has left, or gives up waiting."""
        self._held = asyncio.get_running_loop().create_future()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_OVERTAKEN_LIMIT):
                await self._held
        self._held = None

    def _overtake(self) -> None:
        """Releases the waiting response once the one about to leave has left."""
        if self._held is not None:
            asyncio.get_running_loop().call_later(_LEAD, _release, self._held)


def _release(held: asyncio.Future[None]) -> None:
    if not held.done():
        held.set_result(None)


def _error(rule: Error) -> Response:
    if rule.body is not None:
        return Response(rule.body, rule.status, media_type=rule.content_type)
    body = RefusalError(rule.status, rule.reason, rule.message).body()
    return Response(msgspec.json.encode(body), rule.status, media_type="application/json")
