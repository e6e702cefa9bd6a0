"""A real Kubernetes, by KUBECONFIG; where there is none the tests skip with a sentence.

With TRADEBOT_TEST_CLUSTER=1 the cluster is expected, and its absence is a failure.
"""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from apiserver import BOTS, ROOT, Api, eventually

CRD_FILES = sorted((ROOT / "charts/tradebot/files/crds").glob("*.yaml"))


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    path = os.environ.get("KUBECONFIG", "")
    if path and Path(path).is_file():
        return Path(path)
    reason = "needs a real Kubernetes: set KUBECONFIG to its configuration file"
    if os.environ.get("TRADEBOT_TEST_CLUSTER") == "1":
        pytest.fail(reason + " (TRADEBOT_TEST_CLUSTER=1 expects it)")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def api(kubeconfig: Path) -> Api:
    """The API server, with the chart's CRDs in it."""
    api = Api(kubeconfig)
    for file in CRD_FILES:
        crd = yaml.safe_load(file.read_text())
        name = crd["metadata"]["name"]
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
        api.apply(path, crd).raise_for_status()
    assert eventually(lambda: api.exists(BOTS.format("default")))
    return api


@pytest.fixture
def namespace(api: Api) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    api.post("/api/v1/namespaces", body).raise_for_status()
    yield name
    api.delete(f"/api/v1/namespaces/{name}")
