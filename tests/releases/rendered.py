"""The chart, rendered by the real Helm over a matrix of values."""

import copy
import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from tradebot_operator.resource import parse
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.stages.table import shared_children, units
from tradebot_operator.stages.trader import trader_children

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/tradebot"

needs_helm = pytest.mark.skipif(
    shutil.which("helm") is None, reason="needs helm on PATH: the chart is rendered by it"
)

EXTERNAL = "kafka.external.bootstrapServers=kafka:9092"
MATRIX: dict[str, tuple[str, ...]] = {
    "defaults": (),
    "emulator": ("emulator.enabled=true",),
    "external kafka": (EXTERNAL, "emulator.enabled=true", "elasticsearch.enabled=false"),
    "external kafka with a user": (
        EXTERNAL,
        "kafka.external.security=SASL_SSL",
        "kafka.external.username=u",
        "kafka.external.passwordSecret=p",
        "kafka.external.caSecret=c",
    ),
    "secure kafka": ("kafka.strimzi.secure=true", "kafka.strimzi.replicas=3"),
    "persistent": (
        "kafka.strimzi.storage.type=persistent-claim",
        "elasticsearch.storage.size=5Gi",
        "elasticsearch.storage.class=fast",
    ),
    "external elasticsearch": (
        "elasticsearch.external.url=https://es.example.org:9243",
        "elasticsearch.external.username=u",
        "elasticsearch.external.passwordSecret=p",
        "elasticsearch.external.caSecret=c",
    ),
    "all on claims": (
        EXTERNAL,
        "elasticsearch.enabled=false",
        "recorder.persistence.size=1Gi",
        "emulator.enabled=true",
        "emulator.persistence.size=1Gi",
        "emulator.persistence.class=fast",
    ),
    "several namespaces": (
        "operator.watchNamespaces={bots,team-b}",
        "emulator.enabled=true",
        "environments={Sandbox,Production}",
        "topics.prefix=x.",
    ),
    "monitored": (
        "monitoring.podMonitors=true",
        "monitoring.rules=true",
        "monitoring.grafanaDashboards=true",
        "monitoring.labels.release=prometheus",
    ),
    "scaled": (
        "kafka.strimzi.secure=true",
        "liquidity.keda.enabled=true",
        "liquidity.webPort=6066",
        "networkPolicy.pagesNamespaces={ingress}",
        "scheduling.priorityClassName=money",
        "scheduling.spreadOver={topology.kubernetes.io/zone,kubernetes.io/hostname}",
    ),
    "production alone": ("environments={Production}",),
    "no environment": ("environments=[]",),
    "nothing recorded": (EXTERNAL, "elasticsearch.enabled=false", "recorder.enabled=false"),
    "bare": (
        EXTERNAL,
        "operator.enabled=false",
        "recorder.enabled=false",
        "dashboard.enabled=false",
        "elasticsearch.enabled=false",
        "networkPolicy.enabled=false",
        "podDisruptionBudgets.enabled=false",
        "crds.enabled=false",
    ),
    "overlaid": (
        "commonLabels.team=red",
        "commonAnnotations.owner=me",
        "fullnameOverride=tb",
        "images.registry=registry.example.org",
        "images.tag=v9",
        "images.pullSecrets={pull}",
        "operator.extras.pod.priorityClassName=high",
        "operator.extras.labels.a=b",
        "operator.extras.env.HTTPS_PROXY=http://proxy",
        "recorder.extras.pod.nodeSelector.disk=ssd",
    ),
}


def flags(values: Iterable[str]) -> list[str]:
    """Helm's flags for values `key=value`; `--set` has no way to write an empty list."""
    kinds = (("--set-json" if value.endswith("=[]") else "--set", value) for value in values)
    return [part for flag in kinds for part in flag]


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["helm", *arguments], capture_output=True, text=True, check=False)


@cache
def render(
    *values: str, chart: Path = CHART, namespace: str = "bots"
) -> tuple[dict[str, Any], ...]:
    """Renders the chart's objects with these values, as a release in the namespace."""
    answer = helm("template", "tradebot", str(chart), "-n", namespace, *flags(values))
    assert answer.returncode == 0, answer.stderr
    return tuple(item for item in yaml.safe_load_all(answer.stdout) if item)


def rendered(
    values: dict[str, Any],
    *sets: str,
    release: str = "tradebot",
    namespace: str = "bots",
    chart: Path = CHART,
) -> list[dict[str, Any]]:
    """Renders the chart's objects with a file of values."""
    command = ["helm", "template", release, str(chart), "-n", namespace, "-f", "-"]
    for each in sets:
        command += ["--set", each]
    answer = subprocess.run(
        command, input=json.dumps(values), capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return [item for item in yaml.load_all(answer.stdout, Loader=_Strict) if item]


class _Strict(yaml.SafeLoader):
    """Refuses a duplicate key in a mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(self.construct_object(key, deep=True) for key, _ in node.value)  # type: ignore[no-untyped-call]
        assert all(count == 1 for count in keys.values()), keys
        return super().construct_mapping(node, deep)


def of_kind(objects: tuple[dict[str, Any], ...], *kinds: str) -> list[dict[str, Any]]:
    return [item for item in objects if item["kind"] in kinds]


def pods(objects: tuple[dict[str, Any], ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields name and pod spec of everything that runs pods."""
    for item in objects:
        name = f"{item['kind']}/{item['metadata']['name']}"
        if item["kind"] == "Pod":
            yield name, item["spec"]
        elif item["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield name, item["spec"]["template"]["spec"]


def environment(container: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item.get("value", "") for item in container.get("env", [])}


everywhere = pytest.mark.parametrize("values", MATRIX.values(), ids=list(MATRIX))


def operator_settings(values: tuple[str, ...], chart: Path = CHART) -> OperatorSettings | None:
    for item in of_kind(render(*values, chart=chart), "ConfigMap"):
        if "operator.json" in item["data"]:
            return msgspec.json.decode(item["data"]["operator.json"], type=OperatorSettings)
    return None


def children(body: dict[str, Any], settings: OperatorSettings) -> list[dict[str, Any]]:
    """Returns the operator's children of a TradeBot that is alone in namespace `bots`."""
    body = copy.deepcopy(body)
    body["metadata"] |= {"uid": "0", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}
    body["metadata"].setdefault("namespace", "bots")
    bot = parse(body)
    *shared, own = units(bot)
    made = [child for unit in shared for child in shared_children(unit, [bot], settings)]
    return made + trader_children(own, bot, settings)
