"""Every object is valid in each supported Kubernetes version, by that version's own schemas.

That covers the chart over its matrix of values, and the operator's children of a TradeBot. A field
that a version lacks is refused. Strimzi's and Prometheus' objects are not Kubernetes' own: in
tests/cluster a real API server with Strimzi's definitions checks the former, and
test_prometheus_operator.py the latter.
"""

import json
from functools import cache
from typing import Any

import pytest
import yaml
from releases.rendered import CHART, MATRIX, ROOT, children, needs_helm, operator_settings, render
from releases.schemas import OTHERS, VERSIONS, problems


@cache
def of_the_chart() -> list[dict[str, Any]]:
    """Returns each different object of the matrix once."""
    found = [item for values in MATRIX.values() for item in render(*values)]
    return unique(item for item in found if not item["apiVersion"].startswith(OTHERS))


@cache
def of_the_operator() -> list[dict[str, Any]]:
    """Returns the children of each TradeBot in manifests/, with each configuration."""
    found: list[dict[str, Any]] = []
    for values in MATRIX.values():
        settings = operator_settings(values)
        if settings is None:
            continue
        for file in sorted((ROOT / "manifests").glob("btc-*.yaml")):
            found += children(yaml.safe_load(file.read_text()), settings)
    return unique(found)


def unique(items: Any) -> list[dict[str, Any]]:
    return list({json.dumps(item, sort_keys=True): item for item in items}.values())


@needs_helm
@pytest.mark.parametrize("version", VERSIONS)
def test_a_supported_kubernetes_takes_every_object_of_the_chart(version: str) -> None:
    assert [text for item in of_the_chart() for text in problems(version, item)] == []


@needs_helm
@pytest.mark.parametrize("version", VERSIONS)
def test_a_supported_kubernetes_takes_what_the_operator_makes_of_a_bot(version: str) -> None:
    assert len(of_the_operator()) > 20
    assert [text for item in of_the_operator() for text in problems(version, item)] == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_field_that_kubernetes_does_not_have_is_found(version: str) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}
    wrong = service | {"spec": {"ports": [{"port": "http"}], "selectr": {}}}
    assert not list(problems(version, service | {"spec": {"ports": [{"port": 80}]}}))
    assert len(list(problems(version, wrong))) == 2


def test_the_pages_list_the_tested_versions() -> None:
    words = f"{VERSIONS[0]} to {VERSIONS[-1]}"
    assert words in (ROOT / "docs/kubernetes.md").read_text()
    assert words in (CHART / "README.md").read_text()
