"""Sends a request to the venue and reads its whole response, or tells unsent from unknown."""

import asyncio
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from tradebot.venue.errors import AmbiguousError, TransportError

NEVER_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
"""What httpx raises before the first byte of a request is sent."""


class Wire:
    """The connections to one address.

    Args:
        url: base address without a trailing slash.
        timeout: seconds of a request in all, to the end of its response.
        transport: for tests; by default its own connections, through the environment's proxy.
    """

    def __init__(
        self, url: str, timeout: float, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._url = url
        self._timeout = timeout
        self._transport = transport or _transport(url)
        self._limits = httpx.Timeout(timeout, connect=min(5.0, timeout / 2)).as_dict()

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._transport.aclose()

    async def send(self, method: str, path: str, **how: Any) -> httpx.Response:
        """Returns the response, whatever its status; `how` as for `httpx.Request`.

        Raises:
            TransportError: nothing of it was sent.
            AmbiguousError: it may have reached the venue, and there is no whole response.
        """
        try:
            request = httpx.Request(
                method, self._url + path, extensions={"timeout": self._limits}, **how
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise TransportError("BadRequest", str(error), request=path) from None
        try:
            async with asyncio.timeout(self._timeout):
                return await self._exchange(request)
        except NEVER_SENT as error:
            raise TransportError(type(error).__name__, _sentence(error), request=path) from None
        except TimeoutError:
            message = f"no complete response within {self._timeout:g} s"
            raise AmbiguousError("Timeout", message, request=path) from None
        except httpx.HTTPError as error:
            raise AmbiguousError(type(error).__name__, _sentence(error), request=path) from None

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        """Returns the whole response, without httpx's client, which takes a third of the time."""
        response = await self._transport.handle_async_request(request)
        response.request = request
        try:
            await response.aread()
        except BaseException:
            await response.aclose()
            raise
        return response


def _transport(url: str) -> httpx.AsyncBaseTransport:
    parts = urlsplit(url)
    bypass = proxy_bypass(parts.hostname or "")
    return httpx.AsyncHTTPTransport(
        limits=httpx.Limits(max_connections=16, keepalive_expiry=20.0),
        proxy=None if bypass else getproxies().get(parts.scheme),
    )


def _sentence(error: Exception) -> str:
    return str(error) or "the connection failed"
