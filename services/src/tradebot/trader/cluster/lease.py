"""The claim of a trader's lease as a `Lease` object in the cluster."""

import math
from typing import Any, Final

import httpx

from tradebot.platform.cluster import ClusterApi, bot_path
from tradebot.trader.cluster import TRADER
from tradebot.trader.renewed_lease import Claim, PlaceError

JOURNAL_ANNOTATION: Final = "tradebot.dev/journal"
"""`unwritten` from the first lease of a bot until the first entry of its journal."""
UNWRITTEN: Final = "unwritten"


class LeaseObject:
    """See `tradebot.trader.renewed_lease.Place`.

    The epoch is the object's `leaseTransitions`, which every holder increases by one, even one that
    follows itself.
    """

    def __init__(self, api: ClusterApi, *, namespace: str, bot: str) -> None:
        self._api = api
        self._namespace = namespace
        self._bot = bot
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/trader-{bot}"
        self._lease: dict[str, Any] = {}

    async def read(self) -> Claim:
        """See `Place`."""
        try:
            self._lease = await self._read()
        except (httpx.HTTPError, ValueError) as error:  # ValueError: it is not JSON
            raise PlaceError(repr(error)) from None
        spec = self._lease["spec"]
        return Claim(
            holder=spec.get("holderIdentity") or "",
            epoch=int(spec.get("leaseTransitions") or 0),
            renewed=spec.get("renewTime") or "",
            seconds=float(spec.get("leaseDurationSeconds") or 0),
            unwritten=self._annotations().get(JOURNAL_ANNOTATION) == UNWRITTEN,
        )

    async def write(self, claim: Claim) -> bool:
        """See `Place`."""
        spec = self._lease["spec"] | {
            "holderIdentity": claim.holder,
            "renewTime": claim.renewed,
            "leaseTransitions": claim.epoch,
        }
        if claim.seconds:
            # Whole seconds, and never fewer than the holder counts on.
            spec["leaseDurationSeconds"] = math.ceil(claim.seconds)
        if claim.holder and self._lease["spec"].get("leaseTransitions") != claim.epoch:
            spec["acquireTime"] = spec["renewTime"]
        try:
            # A Lease is made by PUT too: only then can the right to make it name the one Lease.
            body = self._lease | {"spec": spec, "metadata": self._metadata(claim)}
            answer = await self._api.request("PUT", self._path, body)
            if answer.status_code == 409:
                return False
            answer.raise_for_status()
            self._lease = answer.json()
        except (httpx.HTTPError, ValueError) as error:  # ValueError: it is not JSON
            raise PlaceError(repr(error)) from None
        return True

    async def close(self) -> None:
        """Closes the connections."""
        await self._api.close()

    def _annotations(self) -> dict[str, str]:
        annotations: dict[str, str] = self._lease["metadata"].get("annotations") or {}
        return annotations

    def _metadata(self, claim: Claim) -> dict[str, Any]:
        others = {k: v for k, v in self._annotations().items() if k != JOURNAL_ANNOTATION}
        marked = {JOURNAL_ANNOTATION: UNWRITTEN} if claim.unwritten else {}
        metadata: dict[str, Any] = self._lease["metadata"] | {"annotations": others | marked}
        return metadata

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
                "annotations": {JOURNAL_ANNOTATION: UNWRITTEN},
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
