"""Accounts of pods, for what a test runs outside of one."""

import base64
from pathlib import Path
from typing import Any

import msgspec
import yaml
from apiserver import BOTS, Api

from tradebot.platform.cluster_api import ClusterApi
from tradebot_operator.api import resource
from tradebot_operator.builders.trader import trader_children
from tradebot_operator.resource import parse
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.units import units

SETTINGS = msgspec.convert(
    {
        "namespace": "x",
        "images": {"services": "s", "forecast": "f"},
        "kafka": {"bootstrap": "k:9092"},
    },
    OperatorSettings,
)


class Account:
    """A pod's service account folder, and the server."""

    def __init__(self, folder: Path, server: str, namespace: str) -> None:
        self.folder, self.server, self.namespace = folder, server, namespace

    def api(self) -> ClusterApi:
        return ClusterApi(folder=self.folder, server=self.server)


def of_trader(api: Api, namespace: str, kubeconfig: Path, folder: Path) -> Account:
    """The account that the operator gives to the trader of TradeBot `btc`."""
    bot = parse(api.get(f"{BOTS.format(namespace)}/btc"))
    for child in trader_children(units(bot)[-1], bot, SETTINGS):
        if child["kind"] in ("ServiceAccount", "Role", "RoleBinding"):
            place = resource(child["kind"]).path(child["metadata"]["name"], namespace)
            api.apply(place, child).raise_for_status()
    cluster = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]
    (folder / "token").write_text(_token(api, namespace, "trader-btc"))
    authority = base64.b64decode(cluster["certificate-authority-data"])
    (folder / "ca.crt").write_bytes(authority)
    return Account(folder, cluster["server"], namespace)


def of_operator(api: Api, namespace: str, kubeconfig: Path, folder: Path) -> Path:
    """The kubeconfig of an account that may do all in the namespace, by a RoleBinding."""
    made: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "operator"}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "operator"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "cluster-admin",
            },
            "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": namespace}],
        },
    ]
    for item in made:
        api.post(resource(item["kind"]).path(None, namespace), item).raise_for_status()
    config = yaml.safe_load(kubeconfig.read_text())
    config["users"][0]["user"] = {"token": _token(api, namespace, "operator")}
    file = folder / "of-operator"
    file.write_text(yaml.safe_dump(config))
    return file


def _token(api: Api, namespace: str, name: str) -> str:
    asked = resource("ServiceAccount").path(name, namespace) + "/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token: str = api.post(asked, request).raise_for_status().json()["status"]["token"]
    return token
