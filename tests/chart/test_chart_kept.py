"""What Helm keeps when the chart, or an environment, is removed; tests/cluster checks it."""

from typing import Any

import pytest
from releases.rendered import needs_helm, of_kind, render

pytestmark = needs_helm

CLAIMS = "kafka.strimzi.storage.type=persistent-claim"
STRIMZIS = ("Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser")


def kept(objects: tuple[dict[str, Any], ...]) -> set[str]:
    return {
        f"{item['kind']}/{item['metadata']['name']}"
        for item in objects
        if item["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep"
        and item["kind"] in STRIMZIS
    }


def topics_of(*environments: str) -> set[str]:
    return {
        f"KafkaTopic/tradebot-{environment}.{topic}"
        for environment in environments
        for topic in ("trader-journal", "trade-documents")
    }


@pytest.mark.parametrize(
    ("values", "left"),
    [
        ((), topics_of("sandbox")),
        ((CLAIMS,), topics_of("sandbox") | {"Kafka/tradebot", "KafkaNodePool/tradebot-brokers"}),
        (("environments={Sandbox,Production}",), topics_of("sandbox", "production")),
        ((CLAIMS, "kafka.strimzi.keep=false"), set()),
    ],
)
def test_topics_of_journals_and_documents_are_kept_and_brokers_with_claims(
    values: tuple[str, ...], left: set[str]
) -> None:
    assert kept(render(*values)) == left


@pytest.mark.parametrize("annotations", [(), ("commonAnnotations.owner=me",)])
def test_labels_for_strimzi_and_prometheus_stay_labels_with_any_annotations(
    annotations: tuple[str, ...],
) -> None:
    objects = render(
        CLAIMS,
        "kafka.strimzi.secure=true",
        "monitoring.podMonitors=true",
        "monitoring.rules=true",
        "monitoring.grafanaDashboards=true",
        "monitoring.labels.release=prometheus",
        *annotations,
    )
    for item in of_kind(objects, "KafkaNodePool", "KafkaTopic", "KafkaUser"):
        assert item["metadata"]["labels"]["strimzi.io/cluster"] == "tradebot", item["kind"]
    monitoring = of_kind(objects, "PodMonitor", "PrometheusRule")
    dashboards = [i for i in objects if "-grafana-" in i["metadata"]["name"]]
    assert len(monitoring) == 2 and dashboards
    for item in [*monitoring, *dashboards]:
        assert item["metadata"]["labels"]["release"] == "prometheus"
    for item in dashboards:
        assert item["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_values_can_set_what_the_chart_otherwise_chooses_once_in_the_cluster() -> None:
    values = (
        "emulator.enabled=true",
        "emulator.epoch=1767225600",
        "elasticsearch.existingSecret=mine",
    )
    objects = render(*values)
    assert not [i for i in of_kind(objects, "Secret") if "elasticsearch" in i["metadata"]["name"]]
    (config,) = [i for i in of_kind(objects, "ConfigMap") if "epoch" in i["data"]]
    assert config["data"]["epoch"] == "1767225600"
