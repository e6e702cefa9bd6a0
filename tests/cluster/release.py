"""The chart's release in its own namespace, on a real node, and its bots."""

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml
from apiserver import BOTS, ROOT, Api, eventually

IMAGES = os.environ.get("TRADEBOT_TEST_IMAGES", "")
BROKER = os.environ.get("TRADEBOT_TEST_CLUSTER_KAFKA", "")

MARKS = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not (IMAGES and BROKER and shutil.which("helm") and shutil.which("kubectl")),
        reason="needs images in the cluster (TRADEBOT_TEST_IMAGES, registry:tag), a broker that"
        " pods reach (TRADEBOT_TEST_CLUSTER_KAFKA), helm and kubectl: `make e2e` brings them",
    ),
]
"""Marks of tests that need a node with our images, and a broker that pods can reach."""

READ = """
import json, sqlite3
store = sqlite3.connect("file:/var/lib/tradebot/documents.sqlite?mode=ro", uri=True)
print(json.dumps([json.loads(row[0]) for row in store.execute(
    "select source from documents where doc_type = ? order by ts", ("{kind}",))]))
"""
ACCOUNTS = """
import sys, urllib.request
body = sys.argv[1].encode() if len(sys.argv) > 1 else None
print(urllib.request.urlopen("http://127.0.0.1:8090/emulator/accounts", body).read().decode())
"""


def run(*command: str) -> str:
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert answer.returncode == 0, f"{' '.join(command)}: {answer.stderr}"
    return answer.stdout


class Release:
    """What is installed in a namespace, and its bots."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api, self.namespace = api, namespace
        self.prefix = f"{namespace}."

    def kubectl(self, *arguments: str) -> str:
        return run("kubectl", "-n", self.namespace, *arguments)

    def path(self, name: str) -> str:
        return f"{BOTS.format(self.namespace)}/{name}"

    def apply(self, file: str) -> str:
        """Applies one of the manifests; returns the bot's name."""
        self.kubectl("apply", "-f", str(ROOT / "manifests" / file))
        return str(yaml.safe_load((ROOT / "manifests" / file).read_text())["metadata"]["name"])

    def trading(self, *files: str) -> None:
        """Waits until the bots of these manifests trade; applies those that are missing."""
        for name in [self.apply(file) for file in files]:
            assert eventually(lambda bot=name: self.trades(bot)), self.condition(name)

    def accounts(self, *new: str) -> str:
        """Returns the emulator's accounts, after adding one from the JSON of `new`."""
        target = ("exec", "deploy/tradebot-emulator", "--")
        return self.kubectl(*target, "python", "-c", ACCOUNTS, *new)

    def documents(self, kind: str) -> list[dict[str, Any]]:
        target = ("exec", "deploy/tradebot-recorder-emulator", "-c", "recorder", "--")
        try:
            found = self.kubectl(*target, "python", "-c", READ.format(kind=kind))
        except AssertionError:
            return []  # while its pod is being replaced
        return list(json.loads(found))

    def condition(self, name: str, kind: str = "Ready") -> dict[str, Any]:
        listed = self.api.get(self.path(name)).get("status", {}).get("conditions", [])
        return next((item for item in listed if item["type"] == kind), {})

    def trades(self, name: str) -> bool:
        return self.condition(name).get("reason") == "Trading"

    def pods(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.api.get(f"/api/v1/namespaces/{self.namespace}/pods")[
            "items"
        ]
        return [pod for pod in listed if "deletionTimestamp" not in pod["metadata"]]

    def replaced(self, pod: dict[str, Any]) -> bool:
        """Whether another pod of the same unit has replaced it and is ready."""
        return any(
            unit_of(other) == unit_of(pod)
            and other["metadata"]["uid"] != pod["metadata"]["uid"]
            and is_ready(other)
            for other in self.pods()
        )


def unit_of(pod: dict[str, Any]) -> str:
    labels = pod["metadata"]["labels"]
    return str(labels.get("tradebot.dev/unit") or labels["app.kubernetes.io/component"])


def is_ready(pod: dict[str, Any]) -> bool:
    listed = pod["status"].get("conditions", [])
    return any(item["type"] == "Ready" and item["status"] == "True" for item in listed)


@contextmanager
def installed(api: Api) -> Iterator[Release]:
    """Installs the chart in a namespace of the restricted level."""
    release = Release(api, f"e2e-{uuid.uuid4().hex[:8]}")
    registry, tag = IMAGES.rsplit(":", 1)
    body = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": release.namespace,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    }
    api.post("/api/v1/namespaces", body)
    values = {
        "images.registry": registry,
        "images.tag": tag,
        "kafka.external.bootstrapServers": BROKER,
        "topics.prefix": release.prefix,
        "elasticsearch.enabled": "false",
        "emulator.enabled": "true",
        "emulator.speed": "30",
        "crds.enabled": "false",
    }
    sets = [part for key, value in values.items() for part in ("--set", f"{key}={value}")]
    run(
        "helm", "install", "tradebot", str(ROOT / "charts/tradebot"), "-n", release.namespace, *sets
    )
    yield release
    namespace = ("-n", release.namespace)
    subprocess.run(["kubectl", *namespace, "delete", "tradebots", "--all", "--timeout=120s"])
    subprocess.run(["helm", "uninstall", "tradebot", *namespace], capture_output=True)
    api.delete(f"/api/v1/namespaces/{release.namespace}")
