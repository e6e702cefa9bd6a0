"""Prometheus Operator accepts the chart's objects, by its own definitions."""

import copy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from releases.rendered import MATRIX, needs_helm, of_kind, render
from releases.schemas import strict

KINDS = yaml.safe_load((Path(__file__).parent / "prometheus_operator.yaml").read_text())


def problems(item: dict[str, Any]) -> list[str]:
    """Returns the operator's objections to the object."""
    kind = KINDS[item["kind"]]
    found = [] if item["apiVersion"] == kind["apiVersion"] else [item["apiVersion"]]
    validator = jsonschema.Draft202012Validator(strict(kind["spec"]))
    return found + [
        f"{'.'.join(map(str, error.path))}: {error.message[:200]}"
        for error in validator.iter_errors(item["spec"])
    ]


def made() -> list[dict[str, Any]]:
    return of_kind(render(*MATRIX["monitored"]), *KINDS)


@needs_helm
def test_it_takes_the_monitor_and_all_rules() -> None:
    assert {item["kind"] for item in made()} == set(KINDS)
    assert [text for item in made() for text in problems(item)] == []


@needs_helm
@pytest.mark.parametrize(
    ("kind", "path", "wrong"),
    [
        ("PodMonitor", ("podMetricsEndpoint",), []),
        ("PodMonitor", ("podMetricsEndpoints", 0, "interval"), "15 s"),
        ("PodMonitor", ("podMetricsEndpoints", 0, "port"), 9090),
        ("PodMonitor", ("selector", "labels"), {}),
        ("PrometheusRule", ("groups", 0, "rules", 0, "for"), "five minutes"),
        ("PrometheusRule", ("groups", 0, "rules", 0, "severity"), "page"),
        ("PrometheusRule", ("groups", 0, "rules", 0, "labels"), {"severity": 1}),
    ],
)
def test_a_wrong_field_is_found(kind: str, path: tuple[str | int, ...], wrong: Any) -> None:
    item = copy.deepcopy(next(item for item in made() if item["kind"] == kind))
    node = item["spec"]
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = wrong
    assert len(problems(item)) == 1
