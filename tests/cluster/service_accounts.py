"""Pods' service accounts, for tests outside a pod."""

import base64
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from apiserver import BOTS, ROOT, Api

from tradebot.platform.cluster import ClusterApi
from tradebot_operator.api import resource
from tradebot_operator.resource import parse
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.stages.table import units
from tradebot_operator.stages.trader import trader_children

CHART = ROOT / "charts/tradebot"
OPERATOR = "tradebot-operator"
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
    """Returns the operator's account for the trader of TradeBot `btc`."""
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


def of_operator(
    api: Api, namespace: str, kubeconfig: Path, folder: Path, watched: Sequence[str] = ()
) -> Path:
    """Returns the kubeconfig of the chart's operator account in a namespace, with the chart's
    rights; what a release has installed there is not changed.
    """
    if not api.exists(resource("ServiceAccount").path(OPERATOR, namespace)):
        give_rights(api, namespace, watched)
    config = yaml.safe_load(kubeconfig.read_text())
    config["users"][0]["user"] = {"token": _token(api, namespace, OPERATOR)}
    file = folder / f"of-operator-{namespace}"
    file.write_text(yaml.safe_dump(config))
    return file


def give_rights(api: Api, namespace: str, watched: Sequence[str] = ()) -> None:
    """Applies the ServiceAccount, Roles and RoleBindings of the chart's operator."""
    values = [f"operator.watchNamespaces={{{','.join(watched)}}}"] if watched else []
    for item in _rights(namespace, *values):
        meta = item["metadata"]
        place = resource(item["kind"]).path(meta["name"], meta["namespace"])
        api.apply(place, item).raise_for_status()


def _rights(namespace: str, *values: str) -> list[dict[str, Any]]:
    if shutil.which("helm") is None:
        pytest.skip("needs helm on PATH: the operator's rights are as the chart renders them")
    sets = [part for value in values for part in ("--set", value)]
    shown = ["--show-only", "templates/operator/rbac.yaml"]
    command = ["helm", "template", "tradebot", str(CHART), "-n", namespace, *shown, *sets]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [item for item in yaml.safe_load_all(text) if item]


def _token(api: Api, namespace: str, name: str) -> str:
    asked = resource("ServiceAccount").path(name, namespace) + "/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token: str = api.post(asked, request).raise_for_status().json()["status"]["token"]
    return token
