"""What stands before every request: the name it asks by, who asks, and the answer's headers."""

from collections.abc import Collection
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradebot.dashboard.access.visitors import Visitors
from tradebot.dashboard.hosts import allowed

HEADERS: Final = {
    # Plotly sets inline styles and draws into data: images; all else is from this server.
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

PUBLIC: Final = ("/login", "/static/")
"""What is served to those who have not logged in: the form and its files."""


class Guard:
    """Refuses foreign hosts and strangers, and adds `HEADERS`, without buffering streams.

    A visitor who is known is found in the request's state.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Collection[str], visitors: Visitors) -> None:
        self._app = app
        self._allowed_hosts = allowed_hosts
        self._visitors = visitors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or lets the application answer."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        host = Headers(scope=scope).get("host", "")
        if not allowed(host, self._allowed_hosts):
            return PlainTextResponse(
                f"the dashboard does not answer to the name {host!r}: start it with"
                " --allowed-hosts if you open it by that name\n",
                status_code=421,
            )
        visitor = self._visitors.identify(Request(scope))
        scope.setdefault("state", {})["visitor"] = visitor
        path = scope["path"]
        if visitor is not None or path.startswith(PUBLIC):
            return None
        if path.startswith(("/api/", "/events")) or scope["method"] != "GET":
            return PlainTextResponse("log in first\n", status_code=401)
        return RedirectResponse("/login", status_code=303)
