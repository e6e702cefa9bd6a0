"""What the page asks for: its visitor, logins, a bot's past, explanations and orders."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tradebot.dashboard import history
from tradebot.dashboard.access.attempts import Attempts
from tradebot.dashboard.access.users import matches
from tradebot.dashboard.access.visitors import COOKIE, Visitor, Visitors
from tradebot.dashboard.fleet.fleet import Fleet, OrderError
from tradebot.explanation import UnexplainedError, explain
from tradebot.platform import logs
from tradebot.platform.control import STATES
from tradebot.platform.store import DocumentStore, StoreUnavailableError

BODY_BYTES: Final = 10_000
READERS: Final = 2
"""Reads of the store at a time: each may hold many documents."""
UNKNOWN: Final = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21l$" + "A" * 43
"""A hash that no password has: an unknown name takes as long as a known one."""

Answer = TypeVar("Answer")
_log = logs.get(__name__)


class Login(msgspec.Struct, forbid_unknown_fields=True):
    """What the login form sends."""

    name: str
    password: str


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """What a person orders: why, and for a flatten the bot's name once more."""

    because: str
    name: str = ""


class Api:
    """Answers the page.

    Args:
        open_store: opens the store of documents, for one question.
    """

    def __init__(
        self,
        visitors: Visitors,
        fleet: Fleet,
        open_store: Callable[[], DocumentStore],
        *,
        secure_cookies: bool = False,
        attempts: Attempts | None = None,
    ) -> None:
        self._visitors = visitors
        self._fleet = fleet
        self._open_store = open_store
        self._secure = secure_cookies
        self._attempts = attempts or Attempts()
        self._hashing = asyncio.Semaphore(1)  # a hash takes 19 MiB
        self._reading = asyncio.Semaphore(READERS)

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [
            Route("/login", self._login, methods=["POST"]),
            Route("/api/logout", self._logout, methods=["POST"]),
            Route("/api/me", self._me),
            Route("/api/bots/{bot}/history", self._history),
            Route("/api/bots/{bot}/forecast-error", self._forecast_error),
            Route("/api/bots/{bot}/{act}", self._order, methods=["POST"]),
            Route("/api/explain/{document:path}", self._explain),
        ]

    async def _login(self, request: Request) -> Response:
        form = await _body(request, Login)
        if form is None:
            return _error(400, "send a name and a password")
        address = request.client.host if request.client else ""
        wait = self._attempts.wait(form.name, address)
        if wait > 0:
            return _error(429, f"too many attempts: try again in {wait / 60:.0f} minutes")
        user = self._visitors.users.get(form.name)
        async with self._hashing:
            stored = user.hash if user else UNKNOWN
            right = await asyncio.to_thread(matches, stored, form.password)
        if user is None or not right:
            self._attempts.failed(form.name, address)
            _log.warning("login failed", user=form.name[:64], address=address)
            return _error(401, "the name or the password is wrong")
        self._attempts.succeeded(form.name)
        _log.info("login", user=user.name, address=address)
        answer = _json({"user": user.name})
        answer.set_cookie(
            COOKIE,
            self._visitors.sessions.open(user.name, user.role),
            httponly=True,
            samesite="strict",
            secure=self._secure,
        )
        return answer

    async def _logout(self, request: Request) -> Response:
        visitor = _visitor(request)
        if not self._visitors.trusts(visitor, request):
            return _error(403, "this request does not come from the page: reload it")
        self._visitors.sessions.close(visitor.session)
        answer = _json({})
        answer.delete_cookie(COOKIE)
        return answer

    async def _me(self, request: Request) -> Response:
        visitor = _visitor(request)
        return _json(
            {
                "user": visitor.user,
                "role": visitor.role,
                "acts": visitor.acts and self._fleet.place != "nowhere",
                "csrf": visitor.csrf,
                "place": self._fleet.place,
                "login": bool(visitor.session),
            }
        )

    async def _order(self, request: Request) -> Response:
        visitor, bot, act = _visitor(request), *_names(request)
        order = await _body(request, Order)
        if not self._visitors.trusts(visitor, request):
            return _error(403, "this request does not come from the page: reload it")
        if not visitor.acts:
            return _error(403, f"{visitor.user} may look, but not act: ask for the role operator")
        if act not in STATES or order is None:
            return _error(400, f"use one of {', '.join(STATES)}, with a reason")
        because = order.because.strip()
        if not because or len(because) > 500:
            return _error(400, "give a reason, of at most 500 characters")
        if act == "flatten" and order.name != bot:
            return _error(400, f"to sell what {bot} holds, type its name")
        try:
            told = await self._fleet.order(bot, act, because=because, by=visitor.user)
        except OrderError as error:
            return _error(409, str(error))
        _log.info("order", bot=bot, act=act, because=because, by=visitor.user)
        return _json({"told": told})

    async def _history(self, request: Request) -> Response:
        bot, _ = _names(request)
        days = request.query_params.get("days", "1")
        if not days.isdigit() or len(days) > 5:
            return _error(400, "days must be a whole number; 0 means all")
        return await self._read(lambda store: history.history(store, bot, int(days)))

    async def _forecast_error(self, request: Request) -> Response:
        bot, _ = _names(request)
        return await self._read(lambda store: msgspec.to_builtins(history.measured(store, bot)))

    async def _explain(self, request: Request) -> Response:
        document = request.path_params["document"]
        return await self._read(lambda store: _shown(store, document))

    async def _read(self, ask: Callable[[DocumentStore], Any]) -> Response:
        def answer() -> Any:
            with closing(self._open_store()) as store:
                return ask(store)

        try:
            async with self._reading:
                return _json(await asyncio.to_thread(answer))
        except UnexplainedError as error:
            return _error(404, str(error))
        except StoreUnavailableError as error:
            return _error(503, f"the store does not respond: {error}")


def _shown(store: DocumentStore, document: str) -> dict[str, Any]:
    """Returns an explanation without what the page does not show."""
    found = explain(store, document)
    decision = {name: value for name, value in found.decision.items() if name != "inputs"}
    return {
        "decision": decision,
        "orders": found.orders,
        "fills": found.fills,
        "same": found.same,
        "differences": found.differences,
    }


def _visitor(request: Request) -> Visitor:
    found: Visitor = request.state.visitor
    return found


def _names(request: Request) -> tuple[str, str]:
    return request.path_params["bot"], request.path_params.get("act", "")


async def _body(request: Request, kind: type[Answer]) -> Answer | None:
    """Returns a request's JSON; `None` if it is not of that kind, or too long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES:
            return None
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _json(content: Any, status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(content),
        status,
        {"Cache-Control": "no-store"},
        media_type="application/json",
    )


def _error(status: int, message: str) -> Response:
    return _json({"error": message}, status)
