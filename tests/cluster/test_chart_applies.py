"""The API server accepts all of the chart; install, upgrade and uninstall work."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from apiserver import BOTS, ROOT, Api, eventually

CHART = ROOT / "charts/tradebot"
STRIMZI = os.environ.get("TRADEBOT_TEST_STRIMZI_CRDS", "")

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(shutil.which("helm") is None, reason="needs helm on PATH"),
]

EXTERNAL = "kafka.external.bootstrapServers=kafka:9092"
QUIET = (EXTERNAL, "elasticsearch.enabled=false", "emulator.enabled=true")


def helm(*arguments: str) -> str:
    answer = subprocess.run(["helm", *arguments], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def sets(values: tuple[str, ...]) -> list[str]:
    return [part for value in values for part in ("--set", value)]


def plural(kind: str) -> str:
    return {"NetworkPolicy": "networkpolicies"}.get(kind, kind.lower() + "s")


def place(item: dict[str, Any]) -> str:
    group = item["apiVersion"]
    root = f"/api/{group}" if "/" not in group else f"/apis/{group}"
    meta = item["metadata"]
    if "namespace" not in meta:
        return f"{root}/{plural(item['kind'])}/{meta['name']}"
    return f"{root}/namespaces/{meta['namespace']}/{plural(item['kind'])}/{meta['name']}"


def refused(api: Api, namespace: str, values: tuple[str, ...]) -> list[str]:
    text = helm("template", "tradebot", str(CHART), "-n", namespace, *sets(values))
    problems = []
    for item in yaml.safe_load_all(text):
        if not item or item["apiVersion"].startswith("monitoring.coreos.com"):
            continue
        headers = {"Content-Type": "application/apply-patch+yaml"}
        params = {
            "fieldManager": "test",
            "force": "true",
            "fieldValidation": "Strict",
        }
        # Pods are admitted only once their account exists.
        if item["kind"] != "ServiceAccount":
            params["dryRun"] = "All"
        answer = api.request("PATCH", place(item), json=item, params=params, headers=headers)
        if answer.status_code >= 300:
            problems.append(f"{item['kind']} {item['metadata']['name']}: {answer.text[:300]}")
    return problems


@pytest.mark.parametrize(
    "values",
    [
        QUIET,
        (EXTERNAL, "emulator.enabled=true", "elasticsearch.storage.size=1Gi"),
        (EXTERNAL, "elasticsearch.enabled=false", "recorder.persistence.size=1Gi"),
    ],
    ids=["sqlite", "elasticsearch", "claim"],
)
def test_every_object_is_taken_strictly(api: Api, namespace: str, values: tuple[str, ...]) -> None:
    assert refused(api, namespace, values) == []


@pytest.mark.skipif(not STRIMZI, reason="needs Strimzi's CRDs: TRADEBOT_TEST_STRIMZI_CRDS")
@pytest.mark.parametrize(
    "values",
    [
        (),
        ("kafka.strimzi.secure=true", "kafka.strimzi.replicas=3"),
        ("kafka.strimzi.storage.type=persistent-claim", "kafka.strimzi.storage.class=fast"),
    ],
    ids=["laptop", "secure", "persistent"],
)
def test_strimzis_own_definitions_take_the_kafka_objects(
    api: Api, namespace: str, values: tuple[str, ...]
) -> None:
    for crd in yaml.safe_load_all(Path(STRIMZI).read_text()):
        if crd:
            path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
            api.apply(f"{path}/{crd['metadata']['name']}", crd).raise_for_status()
    kafkas = f"/apis/kafka.strimzi.io/v1/namespaces/{namespace}/kafkas"
    assert eventually(lambda: api.exists(kafkas))
    assert refused(api, namespace, values) == []


def test_install_upgrade_and_uninstall_leave_bots_as_they_say(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    release = ("tradebot", str(CHART), "-n", namespace, *sets((*QUIET, "crds.enabled=false")))
    helm("install", *release)
    body = {
        "apiVersion": "tradebot.dev/v1alpha1",
        "kind": "TradeBot",
        "metadata": {"name": "btc"},
        "spec": {"symbol": "BTCUSD"},
    }
    api.post(BOTS.format(namespace), body).raise_for_status()
    before = api.get(f"{BOTS.format(namespace)}/btc")
    helm("upgrade", *release, "--set", "dashboard.enabled=false", "--set", "emulator.seed=9")
    helm("rollback", "tradebot", "1", "-n", namespace)
    helm("uninstall", "tradebot", "-n", namespace, "--no-hooks")
    after = api.get(f"{BOTS.format(namespace)}/btc")
    assert after["spec"] == before["spec"]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    assert eventually(lambda: not api.get(deployments)["items"])


def test_the_definition_stays_when_the_chart_goes(api: Api, namespace: str) -> None:
    text = helm("template", "tradebot", str(CHART), "-n", namespace, *sets(QUIET))
    (crd,) = [i for i in yaml.safe_load_all(text) if i["kind"] == "CustomResourceDefinition"]
    assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_policies_open_the_api_server_at_the_addresses_that_the_cluster_names(
    api: Api, namespace: str
) -> None:
    values = sets((*QUIET, "crds.enabled=false"))
    answer = helm("template", "tradebot", str(CHART), "-n", namespace, "--dry-run=server", *values)
    policies = [i for i in yaml.safe_load_all(answer) if i and i["kind"] == "NetworkPolicy"]
    found = {item["metadata"]["name"]: item for item in policies}
    places = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes"
    behind = api.get(places)
    service = api.get("/api/v1/namespaces/default/services/kubernetes")["spec"]
    addresses = [address for end in behind["endpoints"] for address in end["addresses"]]
    assert addresses
    for name in ("tradebot-operator", "tradebot-trader"):
        to_server, to_service = found[name]["spec"]["egress"]
        assert [peer["ipBlock"]["cidr"] for peer in to_server["to"]] == [
            f"{address}/32" for address in addresses
        ]
        assert [port["port"] for port in to_server["ports"]] == [
            port["port"] for port in behind["ports"]
        ]
        assert to_service["to"] == [{"ipBlock": {"cidr": f"{service['clusterIP']}/32"}}]
        assert [port["port"] for port in to_service["ports"]] == [443]
