"""Thresholds of alerts as values: by default the rules are those that promtool tests."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from releases.rendered import CHART, needs_helm, of_kind, render

pytestmark = needs_helm

FILE = yaml.safe_load((CHART / "files/prometheus/tradebot.yaml").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())["monitoring"]
RULES = {
    # value, another number, its alert
    "thresholds.feedSilenceSeconds": ("77", "TradebotFeedStalled"),
    "thresholds.incompleteWindows": ("77", "TradebotWindowIncomplete"),
    "thresholds.consumerLag": ("7000000", "TradebotConsumerLag"),
    "thresholds.drawdownPercent": ("77", "TradebotDrawdownNearLimit"),
    "thresholds.operatorSilentSeconds": ("77", "TradebotOperatorSilent"),
    "thresholds.documentBacklog": ("77", "TradebotDocumentBacklog"),
    "thresholds.documentSilenceSeconds": ("77", "TradebotDocumentBacklog"),
    "patience.modelStale": ("77m", "TradebotModelStale"),
    "patience.unreconciled": ("77m", "TradebotUnreconciled"),
    "patience.stageUnready": ("77m", "TradebotStageUnready"),
    "patience.stageSilent": ("1h17m", "TradebotStageSilent"),
}


def rules(*values: str) -> dict[str, Any]:
    (made,) = of_kind(render("monitoring.rules=true", *values), "PrometheusRule")
    return dict(made["spec"])


def by_name(spec: dict[str, Any]) -> dict[str, Any]:
    return {
        rule.get("alert") or rule["record"]: rule for g in spec["groups"] for rule in g["rules"]
    }


def test_with_the_defaults_the_rules_are_those_of_the_file() -> None:
    assert rules() == FILE


def test_every_threshold_is_tried_here() -> None:
    named = {f"{part}.{name}" for part in ("thresholds", "patience") for name in VALUES[part]}
    assert named == set(RULES)


@pytest.mark.parametrize("value", RULES)
def test_a_threshold_changes_its_alert_and_no_other(value: str) -> None:
    number, alert = RULES[value]
    before, after = by_name(FILE), by_name(rules(f"monitoring.{value}={number}"))
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {alert} and set(before) == set(after)
    place = "for" if value.startswith("patience") else "expr"
    assert before[alert] | {place: after[alert][place]} == after[alert]
    if place == "for":
        assert after[alert][place] == number
        return
    (was, now), *others = {
        pair
        for pair in zip(numbers(before[alert][place]), numbers(after[alert][place]), strict=True)
        if pair[0] != pair[1]
    }
    assert not others and was != now
    assert now == (float(number) / 100 if value.endswith("Percent") else float(number))


def numbers(expression: str) -> list[float]:
    return [float(word) for word in re.findall(r"\b\d[\d.]*(?:e\+\d+)?", expression)]


def test_prometheus_takes_rules_with_other_thresholds(tmp_path: Path, promtool: str) -> None:
    values = [f"monitoring.{value}={number}" for value, (number, _) in RULES.items()]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules(*values)))
    command = [promtool, "check", "rules", str(tmp_path / "rules.yaml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "value", ["patience.stageSilent=often", "thresholds.drawdownPercent=200", "thresholds.lag=1"]
)
def test_a_threshold_that_could_not_work_is_refused(value: str) -> None:
    with pytest.raises(AssertionError, match=value.split("=")[0].split(".")[1]):
        rules(f"monitoring.{value}")
