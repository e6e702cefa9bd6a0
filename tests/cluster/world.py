"""A namespace of TradeBots, to change and inspect."""

import time
from collections.abc import Callable
from typing import Any

from apiserver import BOTS, Api, eventually
from operators import Running

KINDS = {
    "deployments": "/apis/apps/v1/namespaces/{}/deployments",
    "configmaps": "/api/v1/namespaces/{}/configmaps",
    "serviceaccounts": "/api/v1/namespaces/{}/serviceaccounts",
    "roles": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "rolebindings": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
}
CONTENT = ("spec", "data", "rules", "roleRef", "subjects", "automountServiceAccountToken")
OURS = {"labelSelector": "app.kubernetes.io/managed-by=tradebot-operator"}


def bot(name: str = "btc", **spec: Any) -> dict[str, Any]:
    """A TradeBot."""
    return {
        "apiVersion": "tradebot.dev/v1alpha1",
        "kind": "TradeBot",
        "metadata": {"name": name},
        "spec": {"symbol": "BTCUSD"} | spec,
    }


class World:
    """A namespace, its contents, and how to change them."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api, self.namespace = api, namespace

    def add(self, body: dict[str, Any]) -> None:
        self.api.post(BOTS.format(self.namespace), body).raise_for_status()

    def change(self, name: str, **spec: Any) -> None:
        self.api.merge(self.path(name), {"spec": spec}).raise_for_status()

    def path(self, name: str) -> str:
        return f"{BOTS.format(self.namespace)}/{name}"

    def remove(self, name: str) -> None:
        self.api.delete(self.path(name))

    def objects(self, kind: str) -> dict[str, dict[str, Any]]:
        """Returns the operator's objects of a kind, by name."""
        path = KINDS[kind].format(self.namespace)
        listed = self.api.request("GET", path, params=OURS).raise_for_status().json()["items"]
        return {
            item["metadata"]["name"]: item
            for item in listed
            if "deletionTimestamp" not in item["metadata"]
        }

    def shape(self) -> dict[str, Any]:
        """Returns all of the operator's objects, without what the API server counts."""
        found = {}
        for kind in KINDS:
            for name, item in self.objects(kind).items():
                content = {key: item.get(key) for key in CONTENT}
                meta = item["metadata"]
                content |= {"labels": meta["labels"], "owners": meta.get("ownerReferences")}
                found[f"{kind}/{name}"] = content
        return found

    def names(self, kind: str) -> set[str]:
        return set(self.objects(kind))

    def generations(self) -> dict[str, int]:
        return {
            name: item["metadata"]["generation"]
            for name, item in self.objects("deployments").items()
        }

    def condition(self, name: str, kind: str = "Ready") -> dict[str, Any]:
        status = self.api.get(self.path(name)).get("status", {})
        return next((c for c in status.get("conditions", []) if c["type"] == kind), {})

    def settled(self, operator: Running, quiet: float = 2.0) -> bool:
        """Whether the operator has settled: no write for `quiet` seconds."""

        def still() -> bool:
            before = operator.writes()
            time.sleep(quiet)
            return operator.writes() == before

        return bool(eventually(still, pause=0))


def stages(world: World) -> set[str]:
    """Returns the stages that have Deployments."""
    return {name.split("-")[0] for name in world.names("deployments")}


def has(world: World, count: int) -> Callable[[], bool]:
    """Whether there are that many Deployments."""
    return lambda: len(world.names("deployments")) == count
