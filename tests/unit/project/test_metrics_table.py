"""docs/metrics.md, the alerts and Grafana's dashboards use only existing metrics.

`python tests/unit/project/test_metrics_table.py` writes the table.
"""

import importlib
import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

ROOT = Path(__file__).resolve().parents[3]
TABLE = ROOT / "docs" / "metrics.md"
RULES = ROOT / "charts" / "tradebot" / "files" / "prometheus" / "tradebot.yaml"
GRAFANA = sorted((ROOT / "charts" / "tradebot" / "files" / "grafana").glob("*.json"))
RUNBOOKS = ROOT / "docs" / "runbooks"
INDEX = RUNBOOKS / "README.md"
SUFFIXES = {"counter": "_total", "info": "_info"}
FEW = {
    "proposer",
    "action",
    "bot",
    "cause",
    "complete",
    "condition",
    "currency",
    "doc_type",
    "gate",
    "kind",
    "model",
    "outcome",
    "partition",
    "path",
    "ready",
    "side",
    "stage",
    "status",
    "symbol",
    "topic",
    "verb",
    "where",
}
"""Labels with few values; an id or a message must never be one."""

HEAD = """# Metrics

Every stage serves its own under `/metrics` of its `http_port`. Names follow Prometheus'
conventions: base units, `_total` for counters, `_seconds` for times. Times of the market are in
exchange time where the table says so, and all others are real. A counter that has labels begins at
zero with its stage, so that an alert sees its first increase. The alerts on them, and what makes
each ring, are in [runbooks](runbooks/README.md).
"""


class Exposed(NamedTuple):
    name: str
    kind: str
    labels: tuple[str, ...]
    what: str

    def row(self) -> str:
        labels = ", ".join(self.labels) or "–"
        return f"| `{self.name}` | {self.kind} | {labels} | {self.what} |"


def exposed() -> dict[str, list[Exposed]]:
    """The metrics of each stage, by its name."""
    found: dict[str, list[Exposed]] = {}
    for source in (ROOT / "services" / "src", ROOT / "operator" / "src"):
        for file in sorted(source.rglob("metrics.py")):
            path = file.relative_to(source).with_suffix("")
            module = importlib.import_module(".".join(path.parts))
            metrics = [
                Exposed(
                    m._name + SUFFIXES.get(m._type, ""), m._type, m._labelnames, m._documentation
                )
                for m in vars(module).values()
                if isinstance(m, MetricWrapperBase)
            ]
            if metrics:
                found[path.parent.name.removeprefix("tradebot_")] = metrics
    return found


def render() -> str:
    """The page."""
    parts = [HEAD]
    for stage, metrics in exposed().items():
        name = "Every stage" if stage == "platform" else stage.capitalize()
        parts.append(f"## {name}\n\n| metric | type | labels | what |\n|---|---|---|---|")
        parts.append("\n".join(metric.row() for metric in metrics) + "\n")
    return "\n".join(parts)


ALL = {m.name: m for metrics in exposed().values() for m in metrics}


def names_in(expression: str) -> set[str]:
    """The metrics that an expression reads, a histogram's by their common name."""
    found = set(re.findall(r"\btradebot_[a-z0-9_]+", expression))
    return {re.sub(r"_(bucket|sum|count)$", "", n) if n not in ALL else n for n in found}


def rules() -> list[dict[str, object]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_the_table_is_what_the_stages_expose() -> None:
    assert TABLE.read_text() == render(), "run: python tests/unit/project/test_metrics_table.py"


@pytest.mark.parametrize("metric", ALL.values(), ids=ALL.keys())
def test_a_metric_follows_the_conventions_and_has_labels_of_few_values(metric: Exposed) -> None:
    assert metric.name.startswith("tradebot_") and metric.what
    assert set(metric.labels) <= FEW
    if metric.kind == "histogram":
        assert metric.name.endswith(("_seconds", "_bytes", "_records"))
    assert not metric.name.endswith(("_ms", "_milliseconds", "_minutes", "_kb", "_mb"))


def test_rules_read_metrics_that_there_are() -> None:
    for rule in rules():
        assert names_in(str(rule["expr"])) <= set(ALL), rule


def test_every_alert_has_a_page_that_says_what_it_means_how_to_look_and_what_to_do() -> None:
    pages = set()
    for rule in rules():
        if "alert" not in rule:
            continue
        annotations = rule["annotations"]
        assert isinstance(annotations, dict)
        assert {"summary", "description", "runbook"} == set(annotations)
        page = ROOT / annotations["runbook"]
        pages.add(page)
        text = page.read_text()
        assert text.startswith(f"# {rule['alert']}\n")
        for heading in ("What it means", "How to look", "What to do"):
            assert f"\n## {heading}\n" in text, page
        assert set(re.findall(r"`(tradebot_[a-z0-9_]+)`", text)) <= set(ALL), page
    assert pages | {INDEX} == set(RUNBOOKS.glob("*.md"))


def test_every_alert_is_fired_by_a_test_that_the_index_names() -> None:
    row = r"^\| \[(\w+)\]\(([\w-]+\.md)\) \| .+ \| `(.+)::(\w+)` \|$"
    rows = re.findall(row, INDEX.read_text(), re.MULTILINE)
    alerts = [rule["alert"] for rule in rules() if "alert" in rule]
    assert [alert for alert, *_ in rows] == alerts
    for alert, page, file, name in rows:
        assert (RUNBOOKS / page).read_text().startswith(f"# {alert}\n")
        source = (ROOT / file).read_text()
        body = source[source.index(f"\ndef {name}(") :].partition("\n\n\n")[0]
        assert f'"{alert}"' in body, f"{name} does not wait for {alert}"


@pytest.mark.parametrize("file", GRAFANA, ids=lambda f: f.stem)
def test_grafana_reads_metrics_that_there_are(file: Path) -> None:
    dashboard = json.loads(file.read_text())
    records = {str(rule["record"]) for rule in rules() if "record" in rule}
    targets = [t for panel in dashboard["panels"] for t in panel.get("targets", [])]
    assert targets
    for target in targets:
        assert names_in(target["expr"]) <= set(ALL), target
        assert set(re.findall(r"\btradebot:[a-z0-9_:]+", target["expr"])) <= records, target
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"] if "targets" in panel} == {
        "${datasource}"
    }


if __name__ == "__main__":
    TABLE.write_text(render())
