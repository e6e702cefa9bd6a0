"""What Prometheus is told to scrape: each of our own containers, and nothing else."""

from typing import Any

import pytest
from rendered import EXTERNAL, MATRIX, needs_helm, of_kind, render

pytestmark = needs_helm

SQLITE = (EXTERNAL, "elasticsearch.enabled=false", "emulator.enabled=true")
SCRAPED = pytest.mark.parametrize("values", [MATRIX["emulator"], SQLITE], ids=["elastic", "sqlite"])


def long_lived(objects: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    """The templates of the pods that a monitor finds again and again."""
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
