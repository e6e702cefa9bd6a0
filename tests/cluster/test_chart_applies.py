"""The API server takes all of the chart; install, upgrade and uninstall do what they say."""

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
        # Pods are only admitted beside their account.
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
    helm("uninstall", "tradebot", "-n", namespace)
    after = api.get(f"{BOTS.format(namespace)}/btc")
    assert after["spec"] == before["spec"]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    assert eventually(lambda: not api.get(deployments)["items"])


ALL = {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}
APPLIED = {"get", "list", "watch", "create", "patch", "delete"}
RIGHTS: dict[str, dict[tuple[str, str, str], set[str]]] = {
    # what each account may do: by group, resource and subresource; all else is refused
    "tradebot-operator": {
        ("tradebot.dev", "tradebots", ""): {"get", "list", "watch", "patch"},
        ("tradebot.dev", "tradebots", "status"): {"patch"},
        ("apps", "deployments", ""): APPLIED,
        ("", "configmaps", ""): APPLIED,
        ("", "serviceaccounts", ""): APPLIED,
        ("rbac.authorization.k8s.io", "roles", ""): APPLIED,
        ("rbac.authorization.k8s.io", "rolebindings", ""): APPLIED,
        ("coordination.k8s.io", "leases", ""): {"get", "create", "update"},
        ("", "pods", ""): {"get", "list", "watch"},
        ("", "events", ""): {"list", "create"},
    },
    "tradebot-workload": {},
    "default": {},
}
ASKED = [
    *(key for rights in RIGHTS.values() for key in rights),
    ("", "secrets", ""),
    ("", "pods", "exec"),
    ("", "pods", "log"),
    ("apps", "statefulsets", ""),
    ("batch", "jobs", ""),
    ("apiextensions.k8s.io", "customresourcedefinitions", ""),
]


def allowed(api: Api, namespace: str, account: str, key: tuple[str, str, str]) -> set[str]:
    group, resource, subresource = key
    verbs = set()
    for verb in ALL:
        place = {"namespace": namespace, "verb": verb, "group": group, "resource": resource}
        if subresource:
            place["subresource"] = subresource
        user = f"system:serviceaccount:{namespace}:{account}"
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": user,
                "groups": ["system:serviceaccounts", "system:authenticated"],
                "resourceAttributes": place,
            },
        }
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        if api.post(path, body).raise_for_status().json()["status"]["allowed"]:
            verbs.add(verb)
    return verbs


def test_every_account_may_do_what_it_needs_and_nothing_else(api: Api, namespace: str) -> None:
    sets_ = sets((*QUIET, "crds.enabled=false"))
    helm("install", "tradebot", str(CHART), "-n", namespace, *sets_)
    for account, rights in RIGHTS.items():
        for key in ASKED:
            assert allowed(api, namespace, account, key) == rights.get(key, set()), (account, key)
    helm("uninstall", "tradebot", "-n", namespace)


def test_the_definition_stays_when_the_chart_goes(api: Api, namespace: str) -> None:
    text = helm("template", "tradebot", str(CHART), "-n", namespace, *sets(QUIET))
    (crd,) = [i for i in yaml.safe_load_all(text) if i["kind"] == "CustomResourceDefinition"]
    assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
