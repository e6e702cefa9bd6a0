"""The manifests and values of examples/ are valid, by the same schemas as the chart's own."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from releases.rendered import CHART, ROOT, needs_helm, of_kind, rendered
from releases.schemas import OTHERS, VERSIONS, problems, strict

from tradebot_operator.resource import parse

EXAMPLES = ROOT / "examples"
MANIFESTS = EXAMPLES / "manifests"
CRD = yaml.safe_load((CHART / "files/crds/tradebots.tradebot.dev.yaml").read_text())
VALUES = sorted(MANIFESTS.glob("values-*.yaml"))


def read(name: str) -> Any:
    return yaml.safe_load((MANIFESTS / name).read_text())


def bots() -> Iterator[dict[str, Any]]:
    """Yields the TradeBots of all files."""
    for file in sorted(EXAMPLES.rglob("*.yaml")):
        for item in yaml.safe_load_all(file.read_text()):
            if item.get("kind") == "TradeBot":
                yield item


BOTS = list(bots())


@pytest.mark.parametrize("bot", BOTS, ids=[bot["metadata"]["name"] for bot in BOTS])
def test_a_tradebot_has_only_fields_of_its_definition(bot: dict[str, Any]) -> None:
    (version,) = CRD["spec"]["versions"]
    schema = strict(version["schema"]["openAPIV3Schema"]["properties"]["spec"])
    found = jsonschema.Draft202012Validator(schema).iter_errors(bot["spec"])
    assert [f"{error.json_path}: {error.message}" for error in found] == []
    stamp = {"uid": "0", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}
    named = bot["metadata"] | {"namespace": "bots"} | stamp
    assert parse(bot | {"metadata": named}).name == bot["metadata"]["name"]


def test_there_are_three_bots_on_one_account_and_the_tutorials() -> None:
    assert len(BOTS) == 4
    assert {bot["spec"]["mode"] for bot in BOTS} == {"Paper"}


@needs_helm
@pytest.mark.parametrize("file", VALUES, ids=lambda file: file.name)
def test_the_chart_takes_the_values_and_kubernetes_the_objects(file: Path) -> None:
    items = rendered(yaml.safe_load(file.read_text()))
    found = [
        problem
        for item in items
        if not item["apiVersion"].startswith((*OTHERS, "tradebot.dev/", "apiextensions"))
        for problem in problems(VERSIONS[-1], item)
    ]
    assert found == []


@needs_helm
def test_each_alert_links_to_its_runbook() -> None:
    items = rendered(read("values-alerts.yaml"))
    base = read("values-alerts.yaml")["monitoring"]["runbooksUrl"]
    (made,) = of_kind(tuple(items), "PrometheusRule")
    alerts = [rule for g in made["spec"]["groups"] for rule in g["rules"] if "alert" in rule]
    assert len(alerts) > 10
    for alert in alerts:
        page = alert["annotations"]["runbook_url"].removeprefix(f"{base}/")
        assert (ROOT / "docs" / "runbooks" / page).is_file(), alert["alert"]


def test_alertmanager_sends_to_receivers_that_it_has_with_the_runbook() -> None:
    config = read("alertmanager.yaml")
    known = {receiver["name"] for receiver in config["receivers"]}
    routes = [config["route"], *config["route"]["routes"]]
    assert {route["receiver"] for route in routes} == known
    (chat,) = [each for each in config["receivers"] if each["name"] == "chat"]
    (slack,) = chat["slack_configs"]
    assert "runbook_url" in slack["title_link"] and "runbook_url" in slack["text"]


def test_alertmanager_names_alerts_that_exist() -> None:
    rules = yaml.safe_load((CHART / "files/prometheus/tradebot.yaml").read_text())
    alerts = [rule.get("alert", "") for group in rules["groups"] for rule in group["rules"]]
    text = (MANIFESTS / "alertmanager.yaml").read_text()
    patterns = re.findall(r'alertname =~? "([^"]+)"', text)
    assert patterns
    for pattern in "|".join(patterns).split("|"):
        assert any(re.fullmatch(pattern, alert) for alert in alerts), pattern


@needs_helm
def test_argo_cd_installs_this_chart_with_values_that_it_takes() -> None:
    application = read("argo-cd.yaml")
    source = application["spec"]["source"]
    assert (application["apiVersion"], application["kind"]) == (
        "argoproj.io/v1alpha1",
        "Application",
    )
    assert (ROOT / source["path"] / "Chart.yaml").is_file()
    namespace = application["spec"]["destination"]["namespace"]
    items = rendered(
        source["helm"]["valuesObject"], release=source["helm"]["releaseName"], namespace=namespace
    )
    deployments = of_kind(tuple(items), "Deployment")
    (operator,) = [each for each in deployments if "operator" in each["metadata"]["name"]]
    (container,) = operator["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("registry.example.org/tradebot/")
