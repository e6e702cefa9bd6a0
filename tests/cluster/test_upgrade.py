"""Upgrades from the previous release's chart and operator to today's, and back, with trading bots.

No image is needed: pods are never scheduled, and the test reports of them what a kubelet would,
and of the bots what their traders would.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import actors
import pytest
import yaml
from apiserver import BOTS, ROOT, Api, eventually
from operators import Running, running

CURRENT = ROOT / "charts/tradebot"
(PREVIOUS,) = (Path(__file__).parent / "previous").glob("tradebot-*.tgz")
(PREVIOUS_OPERATOR,) = (Path(__file__).parent / "previous").glob("tradebot_operator-*.zip")
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/tradebots.tradebot.dev"
STAGES = ("ingest", "liquidity", "forecast", "trader")
RESTARTED = set(STAGES)
"""The stages whose pods this version changes, by its changelog."""
TAKEN_BACK = {"ingest", "liquidity", "forecast", "trader"}
"""Those whose settings differ in the previous version."""
KINDS = {
    "configmaps": "api/v1",
    "secrets": "api/v1",
    "services": "api/v1",
    "serviceaccounts": "api/v1",
    "persistentvolumeclaims": "api/v1",
    "deployments": "apis/apps/v1",
    "statefulsets": "apis/apps/v1",
    "jobs": "apis/batch/v1",
    "roles": "apis/rbac.authorization.k8s.io/v1",
    "rolebindings": "apis/rbac.authorization.k8s.io/v1",
    "networkpolicies": "apis/networking.k8s.io/v1",
    "poddisruptionbudgets": "apis/policy/v1",
    "tradebots": "apis/tradebot.dev/v1alpha1",
}
CHILDREN = {"labelSelector": "app.kubernetes.io/managed-by=tradebot-operator"}

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(shutil.which("helm") is None, reason="needs helm on PATH"),
]

VALUES = (
    "kafka.external.bootstrapServers=kafka:9092",
    "emulator.enabled=true",
    "elasticsearch.enabled=false",
    "recorder.persistence.size=1Gi",
    "images.tag=pinned",
    *(f"stages.{stage}.pod.schedulerName=nobody" for stage in STAGES),
)


def helm(*arguments: str) -> str:
    answer = subprocess.run(["helm", *arguments], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


class Release:
    """The chart's release in a namespace, its bots and their pods."""

    def __init__(self, api: Api, namespace: str, kubeconfig: Path, folder: Path) -> None:
        self.api, self.namespace, self.kubeconfig, self.folder = api, namespace, kubeconfig, folder

    def install(self, chart: Path, *values: str) -> None:
        """Installs or upgrades to a chart. The definition may exist from other tests."""
        sets = [part for value in (*VALUES, *values) for part in ("--set", value)]
        release = ("upgrade", "--install", "tradebot", str(chart), "-n", self.namespace)
        # Without hooks: no node runs their pods.
        helm(*release, "--take-ownership", "--force-conflicts", "--no-hooks", *sets)

    @contextmanager
    def operator(self) -> Iterator[Running]:
        """Runs today's operator with the release's configuration."""
        path = f"/api/v1/namespaces/{self.namespace}/configmaps/tradebot-operator"
        settings = json.loads(self.api.get(path)["data"]["operator.json"])
        settings.pop("namespace")
        with running(self.folder, self.kubeconfig, self.namespace, **settings) as started:
            yield started

    @contextmanager
    def previous_operator(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
        """Runs the previous release's operator with the release's configuration."""
        with monkeypatch.context() as patch:
            patch.setenv("PYTHONPATH", str(PREVIOUS_OPERATOR))
            with self.operator() as started:
                yield started

    def listed(self, kind: str, group: str = "api/v1", **params: str) -> list[dict[str, Any]]:
        answer = self.api.request(
            "GET", f"/{group}/namespaces/{self.namespace}/{kind}", params=params
        )
        items: list[dict[str, Any]] = answer.raise_for_status().json()["items"]
        return [item for item in items if "deletionTimestamp" not in item["metadata"]]

    def units(self) -> dict[str, dict[str, Any]]:
        """Returns the stages' Deployments by name."""
        found = self.listed("deployments", "apis/apps/v1", **CHILDREN)
        return {item["metadata"]["name"]: item for item in found}

    def pods(self) -> dict[str, str]:
        """Returns the uids of the stages' pods by unit: a replaced pod has another one."""
        found = [p for p in self.listed("pods") if "tradebot.dev/unit" in p["metadata"]["labels"]]
        return {
            pod["metadata"]["labels"]["tradebot.dev/unit"]: pod["metadata"]["uid"] for pod in found
        }

    def bot(self, name: str) -> dict[str, Any]:
        return self.api.get(f"{BOTS.format(self.namespace)}/{name}")

    def ready(self, name: str) -> dict[str, Any]:
        """Returns the bot's condition Ready."""
        conditions = self.bot(name).get("status", {}).get("conditions", [])
        return next((item for item in conditions if item["type"] == "Ready"), {})

    def play_kubelet(self) -> None:
        """Reports every pod of a stage as running and ready."""
        actors.play_kubelet(self.api, self.namespace)

    def play_trader(self, name: str) -> None:
        """Reports for the bot's trader that all is well."""
        actors.play_trader(self.api, self.namespace, name)


@pytest.fixture
def release(api: Api, namespace: str, kubeconfig: Path, tmp_path: Path) -> Iterator[Release]:
    yield Release(api, namespace, kubeconfig, tmp_path)
    subprocess.run(
        ["helm", "uninstall", "tradebot", "-n", namespace, "--no-hooks"], capture_output=True
    )
    (file,) = (CURRENT / "files/crds").glob("*.yaml")
    api.apply(CRD, yaml.safe_load(file.read_text())).raise_for_status()


def start_bots(release: Release) -> None:
    """Creates one bot on paper and one with keys, and waits until both are ready."""
    for file in ("btc-paper.yaml", "btc-emulator-live.yaml"):
        body = yaml.safe_load((ROOT / "manifests" / file).read_text())
        body["spec"]["deletionPolicy"] = "Keep"
        release.api.post(BOTS.format(release.namespace), body).raise_for_status()
    assert eventually(lambda: len(release.pods()) == 3 + 2), release.pods()
    release.play_kubelet()
    for name in ("btc", "btc-live"):
        release.play_trader(name)
        assert trades(release, name), release.ready(name)


@pytest.fixture
def settled(release: Release) -> Release:
    """Today's release with trading bots, after its operator's last write."""
    release.install(CURRENT)
    with release.operator() as operator:
        start_bots(release)
        settle(operator)
    return release


def trades(release: Release, name: str) -> bool:
    return bool(eventually(lambda: release.ready(name).get("reason") == "Trading"))


def settle(operator: Running) -> None:
    """Waits until the operator has checked everything and writes no more."""

    def still() -> bool:
        before = operator.writes()
        return not eventually(lambda: operator.writes() > before, seconds=2)

    assert eventually(still, pause=0)


def definition(api: Api) -> tuple[str, dict[str, Any]]:
    """Returns the chart that the definition came with, and its schema."""
    crd = api.get(CRD)
    (version,) = crd["spec"]["versions"]
    return crd["metadata"]["labels"]["helm.sh/chart"], version["schema"]["openAPIV3Schema"]


def follow(release: Release, operator: Running, pods: dict[str, str], restarted: set[str]) -> None:
    """Checks that the operator restarts these stages and no others, and the bots trade again."""
    settle(operator)
    stages = {unit.split("-")[0] for unit in replaced(pods, release.pods())}
    assert stages == restarted
    assert set(release.pods()) == set(pods)
    release.play_kubelet()
    assert trades(release, "btc") and trades(release, "btc-live"), release.ready("btc")


def test_bots_continue_through_an_upgrade_and_a_rollback_and_only_what_changed_restarts(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    release.install(PREVIOUS)
    with release.previous_operator(monkeypatch) as operator:
        start_bots(release)
        settle(operator)
    bots, pods = {name: release.bot(name) for name in ("btc", "btc-live")}, release.pods()

    release.install(CURRENT)
    with release.operator() as operator:
        follow(release, operator, pods, RESTARTED)
    version = yaml.safe_load((CURRENT / "Chart.yaml").read_text())["version"]
    (file,) = (CURRENT / "files/crds").glob("*.yaml")
    wanted = yaml.safe_load(file.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert definition(release.api) == (f"tradebot-{version}", wanted)

    pods = release.pods()
    helm("rollback", "tradebot", "1", "-n", release.namespace, "--force-conflicts")
    assert definition(release.api)[0] == PREVIOUS.stem
    with release.previous_operator(monkeypatch) as operator:
        follow(release, operator, pods, TAKEN_BACK)
    for name, before in bots.items():
        after = release.bot(name)
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert after["spec"] == before["spec"]


def test_an_upgrade_to_a_newer_chart_that_changes_nothing_of_a_bot_is_not_seen_by_it(
    settled: Release,
) -> None:
    pods, ready = settled.pods(), settled.ready("btc")
    helm("package", str(CURRENT), "--version", "99.0.0", "-d", str(settled.folder))
    settled.install(settled.folder / "tradebot-99.0.0.tgz")
    with settled.operator() as operator:
        settle(operator)
        assert definition(settled.api)[0] == "tradebot-99.0.0"
        assert settled.pods() == pods
        assert settled.ready("btc") == ready


def test_an_upgrade_that_changes_a_setting_of_traders_restarts_the_traders_alone(
    settled: Release,
) -> None:
    pods = settled.pods()
    settled.install(CURRENT, "stages.trader.env.HTTPS_PROXY=http://proxy:3128")
    with settled.operator() as operator:
        follow(settled, operator, pods, {"trader"})


def replaced(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {unit for unit, uid in before.items() if after.get(unit, uid) != uid}


def left(release: Release, **params: str) -> set[str]:
    """Returns everything in the namespace, except what Kubernetes creates itself."""
    return {
        f"{kind}/{item['metadata']['name']}"
        for kind, group in KINDS.items()
        for item in release.listed(kind, group, **params)
    } - {"configmaps/kube-root-ca.crt", "serviceaccounts/default"}


def test_uninstalling_leaves_the_bots_their_stages_and_the_claims_and_nothing_else(
    settled: Release,
) -> None:
    children = left(settled, **CHILDREN)
    assert {f"deployments/{unit}" for unit in settled.pods()} < children
    helm("uninstall", "tradebot", "-n", settled.namespace, "--wait", "--no-hooks")
    bots = {"tradebots/btc", "tradebots/btc-live"}
    claims = {f"persistentvolumeclaims/tradebot-recorder-{e}" for e in ("emulator", "sandbox")}
    assert left(settled) == bots | children | claims
    assert settled.api.exists(CRD)


def test_uninstalling_leaves_the_data_of_elasticsearch_and_its_passwords(release: Release) -> None:
    release.install(
        CURRENT,
        "elasticsearch.enabled=true",
        "elasticsearch.storage.size=1Gi",
        "elasticsearch.extras.pod.schedulerName=nobody",
        "kibana.enabled=false",
        "emulator.enabled=false",
    )
    claim = "persistentvolumeclaims/data-tradebot-elasticsearch-0"
    assert eventually(lambda: claim in left(release))
    path = f"/api/v1/namespaces/{release.namespace}/secrets/tradebot-elasticsearch"
    passwords = release.api.get(path)["data"]
    helm("uninstall", "tradebot", "-n", release.namespace, "--wait", "--no-hooks")
    assert left(release) == {claim, "secrets/tradebot-elasticsearch"}
    assert release.api.get(path)["data"] == passwords
