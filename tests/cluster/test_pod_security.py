"""The API server admits all our pods under the *restricted* level, and gives a token only to those
that use the API.
"""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from apiserver import Api
from releases.rendered import MATRIX, children, needs_helm, of_kind, operator_settings, render

pytestmark = [pytest.mark.cluster, needs_helm]

BOTS = [
    {"symbol": "BTCUSD", "venue": {"environment": "Emulator"}},
    {
        "symbol": "BTCUSD",
        "mode": "Live",
        "deletionPolicy": "Flatten",
        "venue": {"environment": "Sandbox", "credentialsSecret": "keys"},
        "forecast": {"history": {"source": "Claim", "claim": {"name": "h", "path": "a.csv"}}},
    },
]
SPEAKERS = ("operator", "uninstall", "trader")
"""Components that use the API server."""


@pytest.fixture(scope="module")
def restricted(api: Api) -> Iterator[str]:
    """Creates a namespace of the restricted level, and the priority class that an overlay names."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    level = {f"pod-security.kubernetes.io/{what}": "restricted" for what in ("enforce", "warn")}
    meta = {"name": name, "labels": level}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
    api.post("/api/v1/namespaces", body).raise_for_status()
    priority = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": "high"},
        "value": 1000,
    }
    made = api.post("/apis/scheduling.k8s.io/v1/priorityclasses", priority).status_code == 201
    yield name
    api.delete(f"/api/v1/namespaces/{name}")
    if made:
        api.delete("/apis/scheduling.k8s.io/v1/priorityclasses/high")


def pods_of(objects: tuple[dict[str, Any], ...]) -> Iterator[dict[str, Any]]:
    """Yields the pods that controllers would create for these objects."""
    for item in of_kind(objects, "Pod", "Deployment", "StatefulSet", "Job"):
        template = item if item["kind"] == "Pod" else item["spec"]["template"]
        spec = dict(template["spec"])
        for claim in item["spec"].get("volumeClaimTemplates", []):
            source = {"persistentVolumeClaim": {"claimName": claim["metadata"]["name"]}}
            spec["volumes"] = [*spec["volumes"], {"name": claim["metadata"]["name"]} | source]
        labels = template["metadata"]["labels"]
        meta = {"name": item["metadata"]["name"], "labels": labels}
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


PRIORITIES = "/apis/scheduling.k8s.io/v1/priorityclasses"


def everything(values: tuple[str, ...], namespace: str) -> tuple[dict[str, Any], ...]:
    """Returns the chart's objects, and the operator's for two bots."""
    settings = operator_settings(values)
    made = [
        child
        for spec in (BOTS if settings else [])
        for child in children({"metadata": {"name": "btc"}, "spec": spec}, settings)
    ]
    return (*render(*values, namespace=namespace), *made)


def test_every_pod_is_admitted_and_only_who_speaks_to_the_api_server_has_a_token(
    api: Api, restricted: str
) -> None:
    seen: set[str] = set()
    components: set[str] = set()
    place = f"/api/v1/namespaces/{restricted}"
    for values in MATRIX.values():
        objects = everything(values, restricted)
        # A pod is admitted only once its account exists.
        for item in of_kind(objects, "ServiceAccount"):
            meta = {"name": item["metadata"]["name"]}
            body = item | {"metadata": meta}
            assert api.post(f"{place}/serviceaccounts", body).status_code in (201, 409)
        # And once its priority exists.
        for name in {pod["spec"].get("priorityClassName") for pod in pods_of(objects)} - {None}:
            priority = {"metadata": {"name": name}, "value": 1000}
            assert api.post(PRIORITIES, priority).status_code in (201, 409)
        for pod in pods_of(objects):
            text = json.dumps(pod, sort_keys=True)
            if text in seen:
                continue
            seen.add(text)
            answer = api.post(f"{place}/pods", pod, dryRun="All", fieldValidation="Strict")
            assert answer.status_code == 201, answer.text
            assert "Warning" not in answer.headers, answer.headers["Warning"]
            component = pod["metadata"]["labels"]["app.kubernetes.io/component"]
            components.add(component.split("-")[0])
            volumes = [volume["name"] for volume in answer.json()["spec"].get("volumes", [])]
            token = any(name.startswith("kube-api-access-") for name in volumes)
            assert token is (component in SPEAKERS), component
    assert components >= {
        *("operator", "recorder", "dashboard", "emulator", "elasticsearch", "kibana", "setup"),
        *("test", "ingest", "liquidity", "forecast", "trader"),
    }


@pytest.mark.parametrize(
    "loosened",
    [
        {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}},
        {"hostNetwork": True},
        {"volumes": [{"name": "root", "hostPath": {"path": "/"}}]},
    ],
    ids=["root", "the node's network", "the node's files"],
)
def test_a_pod_that_requests_more_is_refused(
    api: Api, restricted: str, loosened: dict[str, Any]
) -> None:
    pod = next(pod for pod in pods_of(render()) if pod["metadata"]["name"].endswith("operator"))
    more = {"volumes": [*pod["spec"]["volumes"], *loosened.get("volumes", [])]}
    pod["spec"] = pod["spec"] | loosened | more | {"serviceAccountName": "default"}
    answer = api.post(f"/api/v1/namespaces/{restricted}/pods", pod, dryRun="All")
    assert answer.status_code == 403
    assert "PodSecurity" in answer.text
