"""The API server: server-side apply, patches, deletes and lists, over kopf's credentials.

kopf reads; this writes. A second client library would only hold the same objects again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import kopf
import msgspec

from tradebot_operator.naming import MANAGER

RESOURCES = {
    "ConfigMap": ("api/v1", "configmaps"),
    "ServiceAccount": ("api/v1", "serviceaccounts"),
    "Pod": ("api/v1", "pods"),
    "Event": ("api/v1", "events"),
    "Deployment": ("apis/apps/v1", "deployments"),
    "Role": ("apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "TradeBot": ("apis/tradebot.dev/v1alpha1", "tradebots"),
}

Login = Callable[[], Awaitable[kopf.ConnectionInfo | None]]


class ApiError(Exception):
    """The API server refused a request."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


def path(kind: str, namespace: str, name: str = "") -> str:
    """The address of an object, or of its collection."""
    group, plural = RESOURCES[kind]
    place = f"/{group}/namespaces/{namespace}/{plural}"
    return f"{place}/{name}" if name else place


class Api:
    """One session with the API server; logs in anew when its token is no longer taken."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._session: aiohttp.ClientSession | None = None
        self._server = ""
        self._lock = asyncio.Lock()

    async def apply(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Server-side apply of `manifest`, taking over what others hold; the live object.

        Raises:
            ApiError: it was refused.
        """
        meta = manifest["metadata"]
        return await self._send(
            "PATCH",
            path(manifest["kind"], meta["namespace"], meta["name"]),
            manifest,
            content="application/apply-patch+yaml",
            params={"fieldManager": MANAGER, "force": "true"},
        )

    async def apply_status(self, namespace: str, name: str, body: dict[str, Any]) -> None:
        """Server-side apply of a TradeBot's status.

        Raises:
            ApiError: it was refused.
        """
        await self._send(
            "PATCH",
            path("TradeBot", namespace, name) + "/status",
            body,
            content="application/apply-patch+yaml",
            params={"fieldManager": MANAGER, "force": "true"},
        )

    async def patch(
        self, kind: str, namespace: str, name: str, body: Any, content: str
    ) -> dict[str, Any]:
        """A patch of the content type `content`; the live object.

        Raises:
            ApiError: it was refused.
        """
        params = {"fieldManager": MANAGER}
        return await self._send(
            "PATCH", path(kind, namespace, name), body, content=content, params=params
        )

    async def delete(self, live: dict[str, Any]) -> None:
        """Deletes this very object, with its dependents after it; one that is gone is no error.

        Raises:
            ApiError: it was refused.
        """
        meta = live["metadata"]
        body = {"preconditions": {"uid": meta["uid"]}, "propagationPolicy": "Background"}
        try:
            await self._send("DELETE", path(live["kind"], meta["namespace"], meta["name"]), body)
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    async def create(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Makes an object of a generated name.

        Raises:
            ApiError: it was refused.
        """
        place = path(manifest["kind"], manifest["metadata"]["namespace"])
        return await self._send("POST", place, manifest)

    async def listed(self, kind: str, namespace: str, **params: str) -> dict[str, Any]:
        """The collection's list.

        Raises:
            ApiError: it was refused.
        """
        return await self._send("GET", path(kind, namespace), params=params)

    async def listed_metadata(self, kind: str, namespace: str) -> list[dict[str, Any]]:
        """The metadata alone of all objects of a collection.

        Raises:
            ApiError: it was refused.
        """
        accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
        answer = await self._send("GET", path(kind, namespace), accept=accept)
        return [item["metadata"] for item in answer["items"] or []]

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(
        self,
        method: str,
        place: str,
        body: Any = None,
        *,
        content: str = "application/json",
        accept: str = "application/json",
        params: dict[str, str] | None = None,
        again: bool = True,
    ) -> dict[str, Any]:
        session = await self._connected()
        data = None if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": content, "Accept": accept}
        async with session.request(
            method, self._server + place, data=data, params=params, headers=headers
        ) as answer:
            if answer.status == 401 and again:
                await self.close()
            elif answer.status < 400:
                result: dict[str, Any] = msgspec.json.decode(await answer.read())
                return result
            else:
                raise await _refusal(answer)
        return await self._send(
            method, place, body, content=content, accept=accept, params=params, again=False
        )

    async def _connected(self) -> aiohttp.ClientSession:
        async with self._lock:
            if self._session is None or self._session.closed:
                info = await self._login()
                if info is None:
                    raise kopf.LoginError("neither a service account nor a kubeconfig is here")
                self._server = info.server.rstrip("/")
                self._session = aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(ssl=info.as_ssl_context(), limit=32),
                    headers=info.as_http_headers(),
                    timeout=aiohttp.ClientTimeout(total=30),
                )
            return self._session


async def _refusal(answer: aiohttp.ClientResponse) -> ApiError:
    try:
        body = await answer.json()
    except (aiohttp.ClientError, ValueError):
        body = {}
    message = body.get("message") or f"the API server answered {answer.status}"
    return ApiError(answer.status, body.get("reason", ""), message)
