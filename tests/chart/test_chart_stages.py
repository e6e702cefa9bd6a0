"""The chart's table of stages agrees with the stages; one entry is all that a stage needs."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from releases.rendered import CHART, needs_helm, of_kind, operator_settings, render

from tradebot.platform.stages import Stage, installed
from tradebot_operator.stages.table import STAGES

TABLE: dict[str, dict[str, Any]] = yaml.safe_load((CHART / "files" / "stages.yaml").read_text())
OF_BOTS = {name for name, entry in TABLE.items() if entry.get("bots")}
ON_TOPICS = [stage for stage in installed() if stage.topics]

LOUDNESS = """
loudness:
  summary: The loudness stage, which makes ratios louder.
  resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 64Mi}}
  bots: true
  market: true
  api: true
  read: [faust.out]
  write: [loud]
  groups: [loudness]
  retention: {loud: feed}
"""


@pytest.mark.parametrize("stage", ON_TOPICS, ids=lambda stage: stage.name)
def test_a_stages_user_has_the_rights_that_the_stage_needs(stage: Stage) -> None:
    entry = TABLE[stage.name]
    assert set(entry.get("read", [])) == set(stage.reads)
    assert set(entry.get("write", [])) == set(stage.writes)
    assert set(entry.get("keep", [])) == set(stage.keeps)


def test_the_table_has_no_stage_that_is_not_installed() -> None:
    assert set(TABLE) == {stage.name for stage in ON_TOPICS}


def test_the_operator_runs_the_stages_that_the_table_gives_it() -> None:
    assert {stage.name for stage in STAGES} == OF_BOTS


def test_retention_is_of_topics_that_the_stage_writes_and_of_a_known_kind() -> None:
    for entry in TABLE.values():
        retention = entry.get("retention", {})
        assert set(retention) <= {*entry.get("write", []), *entry.get("keep", [])}
        assert set(retention.values()) <= {
            "feed",
            "records",
            "money",
            "journal",
            "year",
            "state",
        }


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the chart after adding an entry and generating the schema."""
    charts = tmp_path_factory.mktemp("extended") / "charts"
    shutil.copytree(CHART.parent, charts)
    table = charts / CHART.name / "files" / "stages.yaml"
    table.write_text(table.read_text() + LOUDNESS)
    subprocess.run([sys.executable, str(charts / "document.py")], check=True)
    return charts / CHART.name


SECURE = ("kafka.strimzi.secure=true", "emulator.enabled=true", "environments=[]")


def the(objects: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(item for item in objects if item["metadata"]["name"] == name)


@needs_helm
def test_a_stage_of_one_entry_has_a_user_with_its_rights_and_a_topic(extended: Path) -> None:
    objects = render(*SECURE, chart=extended)
    user = the(of_kind(objects, "KafkaUser"), "tradebot-loudness")
    rights = {
        (acl["resource"]["type"], acl["resource"]["name"], acl["operations"][-1])
        for acl in user["spec"]["authorization"]["acls"]
        if acl["resource"]["type"] != "cluster"
    }
    assert rights == {
        ("topic", "emulator.faust.out", "Read"),
        ("topic", "emulator.loud", "Write"),
        ("group", "emulator.loudness", "Read"),
    }
    topic = the(of_kind(objects, "KafkaTopic"), "tradebot-emulator.loud")
    assert topic["spec"]["config"]["retention.ms"] == 6 * 3_600_000


@needs_helm
def test_a_stage_of_one_entry_is_in_the_network_policies_and_has_a_disruption_budget(
    extended: Path,
) -> None:
    objects = render(*SECURE, chart=extended)

    def selected(policy: str) -> list[str]:
        spec = the(of_kind(objects, "NetworkPolicy"), policy)["spec"]
        rules = spec["podSelector"].get("matchExpressions", [])
        return [value for rule in rules for value in rule["values"]]

    for policy in ("tradebot-kafka", "tradebot-to-emulator", "tradebot-trader"):
        assert "loudness" in selected(policy), policy
    for policy in ("tradebot-venue", "tradebot-history"):
        assert "loudness" not in selected(policy), policy
    budget = the(of_kind(objects, "PodDisruptionBudget"), "tradebot-loudness")
    assert budget["spec"]["selector"]["matchLabels"] == {"tradebot.dev/stage": "loudness"}


@needs_helm
def test_a_stage_of_one_entry_has_values_over_its_default_resources(extended: Path) -> None:
    settings = operator_settings(("stages.loudness.resources.limits.memory=1Gi",), chart=extended)
    assert settings is not None
    assert settings.stages["loudness"].resources == {
        "requests": {"cpu": "10m", "memory": "32Mi"},
        "limits": {"memory": "1Gi"},
    }
    assert "| `stages.loudness` |" in (extended / "README.md").read_text()
