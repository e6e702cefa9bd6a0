"""Each alert fires on its fault and not otherwise, by Prometheus' own tool."""

import re
import subprocess
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
CASES = HERE / "prometheus_rules.yaml"
RULES = HERE.parents[1] / "charts" / "tradebot" / "files" / "prometheus" / "tradebot.yaml"


def test_the_rules_are_what_prometheus_takes(promtool: str) -> None:
    done = subprocess.run([promtool, "check", "rules", RULES], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_by_its_fault_and_not_otherwise(promtool: str) -> None:
    done = subprocess.run([promtool, "test", "rules", CASES], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_pair_that_both_stand_by_fires_its_alert_and_a_pair_that_acts_does_not(
    promtool: str, tmp_path: Path
) -> None:
    cases = yaml.safe_load(CASES.read_text())
    (case,) = (
        test
        for test in cases["tests"]
        if any(
            one["alertname"] == "TradebotNoActiveTrader" and one["exp_alerts"]
            for one in test.get("alert_rule_test", [])
        )
    )
    alone = tmp_path / "pair.yaml"
    alone.write_text(yaml.safe_dump(cases | {"rule_files": [str(RULES)], "tests": [case]}))
    done = subprocess.run([promtool, "test", "rules", alone], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_seen_to_fire_and_seen_to_be_quiet() -> None:
    alerts = set(re.findall(r"alert: (\w+)", RULES.read_text()))
    fired, quiet = set(), set()
    for test in yaml.safe_load(CASES.read_text())["tests"]:
        for case in test.get("alert_rule_test", []):
            (fired if case["exp_alerts"] else quiet).add(case["alertname"])
    assert fired == alerts
    assert quiet == alerts
