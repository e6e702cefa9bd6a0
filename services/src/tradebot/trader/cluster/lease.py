"""The right to act for a bot, kept in the cluster as a `Lease`: at most one trader holds it."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from tradebot.platform import logs
from tradebot.platform.settings import SettingsError
from tradebot.trader.cluster.api import TRADER, ClusterApi, bot_path

LEASE_SECONDS: Final = 15
"""A holder that has not renewed for so long may be followed."""
RENEW_SECONDS: Final = 5.0
HELD_SECONDS: Final = 10.0
"""A holder trusts its lease for so long after its last renewal: five seconds less than others."""

_log = logs.get(__name__)


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
        self._epoch = 0
        self._trusted_until = 0.0
        self._lost = True
        self._renewing: asyncio.Task[None] | None = None

    async def acquire(self) -> int:
        """Waits until no other holder renews, takes the lease and keeps it; returns its epoch."""
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
                    self._epoch = int(lease["spec"].get("leaseTransitions") or 0) + 1
                    if await self._write(lease):
                        self._renewing = asyncio.create_task(self._renew())
                        return self._epoch
                    continue
                _log.info("waiting for the lease", holder=held_by)
            except httpx.HTTPError as error:
                _log.warning("could not read the lease", error=repr(error))
            await asyncio.sleep(1.0)

    async def exceed(self, epoch: int) -> int:
        """Raises the held lease's epoch above `epoch`; see `tradebot.trader.lease.Lease`.

        The object is written only as it was last seen, so that whoever followed is never passed.

        Raises:
            SettingsError: another holds it, or may do so.
        """
        self._epoch = max(self._epoch, epoch) + 1
        while self.held():
            try:
                if await self._write(self._lease):
                    return self._epoch
            except httpx.HTTPError as error:
                _log.warning("could not raise the lease's epoch", error=repr(error))
            await asyncio.sleep(0.2)  # a renewal came between, and reads the object again
        raise SettingsError(f"lost the lease trader-{self._bot} before its epoch was raised")

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
            _log.warning("could not release the lease", error=repr(error))

    async def _read(self) -> dict[str, Any]:
        answer = await self._api.request("GET", self._path)
        if answer.status_code == 404:
            metadata: dict[str, Any] = {
                "name": f"trader-{self._bot}",
                "namespace": self._namespace,
                "labels": {
                    "app.kubernetes.io/managed-by": TRADER,
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
        answer = await self._api.request("GET", bot_path(self._namespace, self._bot))
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

    async def _write(self, lease: dict[str, Any]) -> bool:
        """Writes us as the holder; False where somebody else wrote before."""
        asked, epoch = self._monotonic(), self._epoch
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

    async def _renew(self) -> None:
        pause = RENEW_SECONDS
        while self.held():
            await asyncio.sleep(pause)
            if not self.held():
                break
            try:
                if not await self._write(self._lease):
                    current = await self._read()
                    if (
                        current["spec"].get("holderIdentity") != self._holder
                        or current["spec"].get("leaseTransitions") != self._epoch
                    ):
                        break
                    self._lease = current
                    pause = 0.2
                    continue
                pause = RENEW_SECONDS
            except httpx.HTTPError as error:
                _log.warning("could not renew the lease", error=repr(error))
                pause = 1.0
        self._lost = True
        _log.error("lost the lease: this trader sends no more orders")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
