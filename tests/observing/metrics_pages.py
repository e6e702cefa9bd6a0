"""The metrics of a process's `/metrics` page, and those that `docs/metrics.md` lists."""

import re
from pathlib import Path

import msgspec
from prometheus_client.parser import text_string_to_metric_families

TABLE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
EVERY = "every stage"
SUFFIXES = {"counter": "_total"}
KINDS = {"info": "gauge"}
"""Kinds that a page shows under another name."""


class Metric(msgspec.Struct, frozen=True):
    """A metric's kind and its labels, which are unknown without samples."""

    kind: str
    labels: frozenset[str] | None


def documented() -> dict[str, dict[str, Metric]]:
    """Returns the table's metrics by name, for each stage."""
    found: dict[str, dict[str, Metric]] = {}
    for line in TABLE.read_text().splitlines():
        if line.startswith("## "):
            section = found[line.removeprefix("## ").lower()] = {}
        elif row := re.match(r"\| `(\w+)` \| (\w+) \| ([^|]+) \|", line):
            name, kind, labels = row.groups()
            several = frozenset(labels.strip(" –").split(", ")) - {""}
            section[name] = Metric(KINDS.get(kind, kind), several)
    return found


def shown(page: str) -> dict[str, Metric]:
    """Returns our metrics on a page, by name."""
    found = {}
    for family in text_string_to_metric_families(page):
        if family.name.startswith("tradebot_") and not family.name.endswith("_created"):
            name = family.name + SUFFIXES.get(family.type, "")
            labels = {frozenset(sample.labels) - {"le"} for sample in family.samples}
            # The version is a label of the one sample that has it.
            told = next(iter(labels), None) if family.name != "tradebot_build_info" else frozenset()
            assert len(labels) <= 1, name
            found[name] = Metric(family.type, told)
    return found
