"""The API server, with the rights of the pod's own service account.

A trader's may read its own TradeBot, patch that one's status, and read and write its own Lease. The
dashboard's may read and patch the TradeBots of one namespace.
"""

import asyncio
import os
import random
import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec

from tradebot.platform import logs
from tradebot.platform.settings import SettingsError

ACCOUNT_FOLDER: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
WATCH_SECONDS: Final = (60, 90)
"""How long a watch lasts before it starts again; spread, so that many do not start together."""
FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 15.0

Object = Mapping[str, Any]
Options = Mapping[str, str | int]

_log = logs.get(__name__)


class ClusterApi:
    """The API server, with the pod's service account; its token is re-read as it rotates.

    Raises:
        SettingsError: this process runs in no pod, or the pod has no token.
    """

    def __init__(self, *, folder: Path = ACCOUNT_FOLDER, server: str = "") -> None:
        host = os.environ.get("KUBERNETES_SERVICE_HOST", "")
        port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        if ":" in host:
            host = f"[{host}]"
        self._token = folder / "token"
        if not (host or server) or not self._token.is_file():
            raise SettingsError(
                "a setting is kubernetes, but this process does not run in a pod with a service "
                "account token: on one machine leave --lease, --report and --control as they are"
            )
        context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
        self._http = httpx.AsyncClient(
            base_url=server or f"https://{host}:{port}", verify=context, timeout=4.0
        )

    async def request(
        self, method: str, path: str, body: dict[str, Any] | None = None, **options: Any
    ) -> httpx.Response:
        """Returns the API server's response, whatever its status.

        Raises:
            httpx.HTTPError: there was none.
        """
        headers = await self._authorization() | options.pop("headers", {})
        return await self._http.request(method, path, json=body, headers=headers, **options)

    async def lines(self, path: str, params: Options, *, seconds: float) -> AsyncIterator[str]:
        """Yields the lines of a response as they come; `seconds` may pass between two of them.

        Raises:
            httpx.HTTPError: there was no response, it broke off, or it is an error.
        """
        headers = await self._authorization()
        timeout = httpx.Timeout(4.0, read=seconds)
        async with self._http.stream(
            "GET", path, params=dict(params), headers=headers, timeout=timeout
        ) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                yield line

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def _authorization(self) -> dict[str, str]:
        token = await asyncio.to_thread(self._token.read_text)
        return {"Authorization": f"Bearer {token.strip()}"}


async def watched(
    api: ClusterApi, path: str, params: Options | None = None
) -> AsyncIterator[dict[str, Object]]:
    """Yields the objects of a collection, by name, at first and after each change of one.

    It never ends: what goes wrong is logged, and the collection is read again.

    Args:
        path: of the collection.
        params: what selects among its objects, such as a field selector.
    """
    wait = FIRST_WAIT
    while True:
        try:
            async for objects in _watch(api, path, params or {}):
                wait = FIRST_WAIT
                yield objects
        except (httpx.HTTPError, ValueError, KeyError) as error:  # ValueError: it is not JSON
            _log.warning("cannot watch; trying again", path=path, reason=repr(error))
            await asyncio.sleep(wait * random.uniform(0.5, 1))  # noqa: S311
            wait = min(LONGEST_WAIT, wait * 2)


async def _watch(api: ClusterApi, path: str, params: Options) -> AsyncIterator[dict[str, Object]]:
    """Reads the collection once, then watches it until the server ends the watch."""
    answer = await api.request("GET", path, params=dict(params))
    answer.raise_for_status()
    body = answer.json()
    objects: dict[str, Object] = {item["metadata"]["name"]: item for item in body["items"]}
    yield objects
    seconds = random.randint(*WATCH_SECONDS)  # noqa: S311
    since = {"watch": 1, "resourceVersion": body["metadata"]["resourceVersion"]}
    options = {**params, **since, "timeoutSeconds": seconds}
    async for line in api.lines(path, options, seconds=seconds + 5):
        event = msgspec.json.decode(line)
        if event["type"] == "ERROR":  # the version is too old: read the collection again
            return
        name = event["object"]["metadata"]["name"]
        if event["type"] == "DELETED":
            objects.pop(name, None)
        else:
            objects[name] = event["object"]
        yield objects


def bots_path(namespace: str) -> str:
    """Returns the path of a namespace's TradeBots."""
    return f"/apis/tradebot.dev/v1alpha1/namespaces/{namespace}/tradebots"


def bot_path(namespace: str, bot: str) -> str:
    """Returns the path of a TradeBot."""
    return f"{bots_path(namespace)}/{bot}"
