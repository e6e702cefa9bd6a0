"""Prometheus scrapes each of our own containers, and nothing else."""

from typing import Any

import pytest
import yaml
from releases.rendered import (
    EXTERNAL,
    MATRIX,
    ROOT,
    children,
    needs_helm,
    of_kind,
    operator_settings,
    render,
)

pytestmark = needs_helm

SQLITE = (EXTERNAL, "elasticsearch.enabled=false", "emulator.enabled=true")
SCRAPED = pytest.mark.parametrize("values", [MATRIX["emulator"], SQLITE], ids=["elastic", "sqlite"])


def long_lived(objects: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    """Returns the templates of long-running pods, which a monitor must find."""
    return [item["spec"]["template"] for item in of_kind(objects, "Deployment", "StatefulSet")]


def ports(container: dict[str, Any]) -> set[tuple[str, int]]:
    return {(port["name"], port["containerPort"]) for port in container["ports"]}


@SCRAPED
def test_a_monitor_takes_one_port_of_each_of_our_containers_and_none_of_others(
    values: tuple[str, ...],
) -> None:
    objects = render(*values, "monitoring.podMonitors=true")
    (monitor,) = of_kind(objects, "PodMonitor")
    wanted = {endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]}
    labels = monitor["spec"]["selector"]["matchLabels"]
    for template in long_lived(objects):
        assert labels.items() <= template["metadata"]["labels"].items()
        for container in template["spec"]["containers"]:
            taken = {number for name, number in ports(container) if name in wanted}
            ours = "tradebot-" in container["image"]
            assert len(taken) == ours, container["name"]
            assert taken <= {9090, 9091}


def test_the_job_of_a_monitor_is_one_that_the_alerts_look_for_whatever_the_release_is_called() -> (
    None
):
    objects = render("monitoring.podMonitors=true", "fullnameOverride=tb")
    (monitor,) = of_kind(objects, "PodMonitor")
    label = monitor["spec"]["jobLabel"]
    for template in long_lived(objects):
        assert template["metadata"]["labels"][label] == "tradebot"


HERE = "prometheus.io/"


def of_bots(*values: str) -> list[dict[str, Any]]:
    """Returns the templates of the operator's pods for the bots in manifests/."""
    settings = operator_settings(values)
    assert settings is not None
    found: list[dict[str, Any]] = []
    for file in sorted((ROOT / "manifests").glob("btc-*.yaml")):
        made = children(yaml.safe_load(file.read_text()), settings)
        found += [item["spec"]["template"] for item in made if item["kind"] == "Deployment"]
    return found


def told(template: dict[str, Any]) -> dict[str, str]:
    annotations = template["metadata"].get("annotations", {})
    return {key: value for key, value in annotations.items() if key.startswith(HERE)}


@SCRAPED
def test_without_monitors_annotations_show_where_the_metrics_of_our_pods_are(
    values: tuple[str, ...],
) -> None:
    for template in [*long_lived(render(*values)), *of_bots(*values)]:
        first = template["spec"]["containers"][0]
        if "tradebot-" not in first["image"]:
            assert told(template) == {}
            continue
        where = told(template)
        assert where[HERE + "scrape"] == "true" and where[HERE + "path"] == "/metrics"
        assert ("http", int(where[HERE + "port"])) in ports(first)


@pytest.mark.parametrize("value", ["monitoring.podMonitors=true", "monitoring.annotations=false"])
def test_no_annotation_makes_prometheus_scrape_what_a_monitor_scrapes_or_what_is_not_to_be(
    value: str,
) -> None:
    values = (*MATRIX["emulator"], value)
    assert not any(told(template) for template in [*long_lived(render(*values)), *of_bots(*values)])


def test_what_a_person_says_of_the_scraping_of_a_pod_holds() -> None:
    values = (
        r"stages.trader.annotations.prometheus\.io/scrape=no",
        r"recorder.extras.annotations.prometheus\.io/scrape=no",
    )
    of_recorder = of_kind(render(*values), "Deployment")
    (recorder,) = [i for i in of_recorder if "recorder" in i["metadata"]["name"]]
    of_trader = of_bots(*MATRIX["emulator"], *values)
    traders = [t for t in of_trader if t["metadata"]["labels"]["tradebot.dev/stage"] == "trader"]
    assert traders
    for template in [recorder["spec"]["template"], *traders]:
        assert told(template)[HERE + "scrape"] == "no"
