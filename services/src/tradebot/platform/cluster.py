"""The trader's part in a cluster: its lease, and its conditions in the TradeBot's status.

Both speak to the API server with the pod's service account, whose rights are these alone: read
its own TradeBot, patch that one's status, and read and write its own Lease.
"""

import asyncio
import os
import ssl
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

import httpx

from tradebot.platform import logs
from tradebot.platform.settings import SettingsError

ACCOUNT_FOLDER: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
FIELD_MANAGER: Final = "tradebot-trader"
LEASE_SECONDS: Final = 15
"""A holder that has not renewed for so long may be followed."""
RENEW_SECONDS: Final = 5.0
HELD_SECONDS: Final = 10.0
"""A holder trusts its lease for so long after its last renewal: five seconds less than others."""
REREAD_SECONDS: Final = 30.0
MESSAGE_SECONDS: Final = 60.0

_log = logs.get(__name__)


class ConditionLike(Protocol):
    """What is said of a trader; `tradebot.trader.report.Condition` is one."""

    @property
    def type(self) -> str:
        """Its name, such as FeedFresh."""

    @property
    def status(self) -> bool:
        """Whether it holds."""

    @property
    def reason(self) -> str:
        """Why, in one word."""

    @property
    def message(self) -> str:
        """Why, in a sentence."""


class ClusterApi:
    """The API server, by the pod's service account; its token is read anew as it rotates.

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
                "lease or report is kubernetes, but this process runs in no pod with a service"
                " account's token: use --lease file and --report none on one machine"
            )
        context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
        self._http = httpx.AsyncClient(
            base_url=server or f"https://{host}:{port}", verify=context, timeout=4.0
        )

    async def request(
        self, method: str, path: str, body: dict[str, Any] | None = None, **options: Any
    ) -> httpx.Response:
        """The API server's answer, whatever its status.

        Raises:
            httpx.HTTPError: there was none.
        """
        token = await asyncio.to_thread(self._token.read_text)
        headers = {"Authorization": f"Bearer {token.strip()}"} | options.pop("headers", {})
        return await self._http.request(method, path, json=body, headers=headers, **options)

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _bot_path(namespace: str, bot: str) -> str:
    return f"/apis/tradebot.dev/v1alpha1/namespaces/{namespace}/tradebots/{bot}"


class KubernetesLease:
    """The right to act for a bot, as a `Lease` object; see `tradebot.trader.lease.Lease`.

    The epoch is the object's `leaseTransitions`, which every holder raises by one, also one that
    follows itself. Whether an earlier holder is gone is judged by this machine's own clock: its
    renewals have not moved for `LEASE_SECONDS`.

    Args:
        holder: this pod's name; a container that restarts in the same pod follows itself at once.
        monotonic: seconds from an arbitrary start.
    """

    def __init__(
        self,
        api: ClusterApi,
        *,
        namespace: str,
        bot: str,
        holder: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._bot = bot
        self._holder = holder
        self._monotonic = monotonic
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/trader-{bot}"
        self._lease: dict[str, Any] = {}
        self._trusted_until = 0.0
        self._lost = True
        self._renewing: asyncio.Task[None] | None = None

    async def acquire(self) -> int:
        """Waits until no other holder renews, takes the lease and keeps it; answers its epoch."""
        seen: Any = None
        since = self._monotonic()
        while True:
            try:
                lease = await self._read()
                held_by = lease["spec"].get("holderIdentity") or ""
                marks = (held_by, lease["spec"].get("renewTime"))
                if marks != seen:
                    seen, since = marks, self._monotonic()
                gone = self._monotonic() - since > LEASE_SECONDS
                if held_by in ("", self._holder) or gone:
                    epoch = int(lease["spec"].get("leaseTransitions") or 0) + 1
                    if await self._write(lease, epoch):
                        self._renewing = asyncio.create_task(self._renew(epoch))
                        return epoch
                    continue
                _log.info("waiting for the lease", holder=held_by)
            except httpx.HTTPError as error:
                _log.warning("the lease cannot be read", error=repr(error))
            await asyncio.sleep(1.0)

    def held(self) -> bool:
        """Whether the lease is surely ours; once false it stays false."""
        if self._monotonic() >= self._trusted_until:
            self._lost = True
        return not self._lost

    async def release(self) -> None:
        """Gives the lease back, so that a successor need not wait."""
        if self._renewing is None:
            return
        self._renewing.cancel()
        await asyncio.gather(self._renewing, return_exceptions=True)
        self._renewing = None
        ours, self._lost = self.held(), True
        if not ours:
            return
        spec = self._lease["spec"] | {"holderIdentity": "", "renewTime": _now()}
        try:
            await self._api.request("PUT", self._path, self._lease | {"spec": spec})
        except httpx.HTTPError as error:
            _log.warning("the lease could not be given back", error=repr(error))

    async def _read(self) -> dict[str, Any]:
        answer = await self._api.request("GET", self._path)
        if answer.status_code == 404:
            metadata: dict[str, Any] = {
                "name": f"trader-{self._bot}",
                "namespace": self._namespace,
                "labels": {
                    "app.kubernetes.io/managed-by": FIELD_MANAGER,
                    "tradebot.dev/bot": self._bot,
                },
                "ownerReferences": await self._owner(),
            }
            return {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": metadata,
                "spec": {},
            }
        answer.raise_for_status()
        lease: dict[str, Any] = answer.json()
        lease.setdefault("spec", {})
        return lease

    async def _owner(self) -> list[dict[str, Any]]:
        answer = await self._api.request("GET", _bot_path(self._namespace, self._bot))
        if answer.status_code != 200:
            return []
        bot = answer.json()
        return [
            {
                "apiVersion": bot["apiVersion"],
                "kind": bot["kind"],
                "name": self._bot,
                "uid": bot["metadata"]["uid"],
            }
        ]

    async def _write(self, lease: dict[str, Any], epoch: int) -> bool:
        """Writes us as the holder; False where somebody else wrote before."""
        asked = self._monotonic()
        spec = lease["spec"] | {
            "holderIdentity": self._holder,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": _now(),
            "leaseTransitions": epoch,
        }
        if lease["spec"].get("leaseTransitions") != epoch:
            spec["acquireTime"] = spec["renewTime"]
        # A Lease is made by PUT too: only then can the right to make it name the one Lease.
        answer = await self._api.request("PUT", self._path, lease | {"spec": spec})
        if answer.status_code == 409:
            return False
        answer.raise_for_status()
        self._lease = answer.json()
        self._trusted_until = asked + HELD_SECONDS
        self._lost = False
        return True

    async def _renew(self, epoch: int) -> None:
        pause = RENEW_SECONDS
        while self.held():
            await asyncio.sleep(pause)
            if not self.held():
                break
            try:
                if not await self._write(self._lease, epoch):
                    current = await self._read()
                    if (
                        current["spec"].get("holderIdentity") != self._holder
                        or current["spec"].get("leaseTransitions") != epoch
                    ):
                        break
                    self._lease = current
                    pause = 0.2
                    continue
                pause = RENEW_SECONDS
            except httpx.HTTPError as error:
                _log.warning("the lease could not be renewed", error=repr(error))
                pause = 1.0
        self._lost = True
        _log.error("the lease is lost: this trader sends nothing more")


class StatusReporter:
    """A trader's conditions in the status of its own TradeBot.

    The status is written when a condition's status or reason changes, at most once a minute when
    only a message does, and again when somebody else has changed it. A settled trader writes
    nothing.

    Args:
        generation: the TradeBot's generation that the trader's settings are of; 0 says nothing.
    """

    def __init__(
        self,
        api: ClusterApi,
        *,
        namespace: str,
        bot: str,
        generation: int = 0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._path = _bot_path(namespace, bot)
        self._bot = bot
        self._generation = generation
        self._monotonic = monotonic
        self._shown: dict[str, dict[str, Any]] = {}
        self._read_at = float("-inf")
        self._written_at = float("-inf")

    async def report(self, conditions: Sequence[ConditionLike]) -> None:
        """Shows the conditions where they differ from what is shown; never raises."""
        try:
            await self._report(conditions)
        except httpx.HTTPError as error:
            self._read_at = float("-inf")
            _log.warning("the status could not be reported", error=repr(error))

    async def close(self) -> None:
        """Closes the connections."""
        await self._api.close()

    async def _report(self, conditions: Sequence[ConditionLike]) -> None:
        now = self._monotonic()
        if now - self._read_at > REREAD_SECONDS:
            answer = await self._api.request("GET", self._path)
            answer.raise_for_status()
            listed = answer.json().get("status", {}).get("conditions", [])
            self._shown = {item["type"]: item for item in listed}
            self._read_at = now
        wanted = [self._item(condition) for condition in conditions]
        if not self._worth_writing(wanted, now):
            return
        body = {
            "apiVersion": "tradebot.dev/v1alpha1",
            "kind": "TradeBot",
            "metadata": {"name": self._bot},
            "status": {"conditions": wanted},
        }
        answer = await self._api.request(
            "PATCH",
            f"{self._path}/status",
            body,
            params={"fieldManager": FIELD_MANAGER, "force": "true"},
            headers={"Content-Type": "application/apply-patch+yaml"},
        )
        answer.raise_for_status()
        self._written_at = now
        self._shown = {item["type"]: item for item in wanted}

    def _item(self, condition: ConditionLike) -> dict[str, Any]:
        status = "True" if condition.status else "False"
        shown = self._shown.get(condition.type, {})
        same = shown.get("status") == status
        item: dict[str, Any] = {
            "type": condition.type,
            "status": status,
            "reason": condition.reason or "Unknown",
            "message": condition.message[:2048],
            "lastTransitionTime": shown["lastTransitionTime"] if same else _seconds(),
        }
        if self._generation:
            item["observedGeneration"] = self._generation
        return item

    def _worth_writing(self, wanted: list[dict[str, Any]], now: float) -> bool:
        message_due = now - self._written_at > MESSAGE_SECONDS
        for item in wanted:
            shown = self._shown.get(item["type"], {})
            if item == {key: shown.get(key) for key in item}:
                continue
            only_message = {**shown, "message": ""} == {**item, "message": ""}
            if not only_message or message_due:
                return True
        return False


def _seconds() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
