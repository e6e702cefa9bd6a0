"""Which differences between a manifest and the live object count."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot_operator.drift import drift, quantity

DESIRED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "trader-btc", "labels": {"a": "1"}},
    "spec": {
        "replicas": 1,
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "trader",
                        "args": ["trader"],
                        "env": [{"name": "TRADEBOT_POD_NAME", "value": "x"}],
                        "resources": {"limits": {"memory": "1024Mi", "cpu": "1000m"}},
                    }
                ]
            }
        },
    },
}


def live() -> dict[str, Any]:
    """Returns the object as the API server returns it: with defaults, and canonical quantities."""
    found = copy.deepcopy(DESIRED)
    del found["apiVersion"]
    found["metadata"] |= {"uid": "u", "resourceVersion": "7", "annotations": {"revision": "1"}}
    found["spec"]["progressDeadlineSeconds"] = 600
    container = found["spec"]["template"]["spec"]["containers"][0]
    container["imagePullPolicy"] = "IfNotPresent"
    container["resources"] = {"limits": {"memory": "1Gi", "cpu": "1"}}
    return found


def test_what_the_api_server_fills_in_is_not_a_difference() -> None:
    assert not drift(DESIRED, live())


def test_a_changed_number_is_applied_again() -> None:
    found = live()
    found["spec"]["replicas"] = 3
    assert drift(DESIRED, found).changed == (("spec", "replicas"),)


def test_a_missing_label_is_applied_again() -> None:
    found = live()
    found["metadata"]["labels"] = {"theirs": "kept"}
    assert drift(DESIRED, found).changed == (("metadata", "labels", "a"),)


def test_a_label_of_somebody_else_is_theirs() -> None:
    found = live()
    found["metadata"]["labels"]["theirs"] = "kept"
    assert not drift(DESIRED, found)


def test_a_variable_set_manually_is_removed() -> None:
    found = live()
    env = found["spec"]["template"]["spec"]["containers"][0]["env"]
    env += [{"name": "TRADEBOT_MODE", "value": "Live"}, {"name": "B", "value": "1"}]
    difference = drift(DESIRED, found)
    assert not difference.changed
    place = "/spec/template/spec/containers/0/env"
    assert difference.removal("7") == [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "remove", "path": f"{place}/2"},
        {"op": "remove", "path": f"{place}/1"},
    ]


def test_changed_arguments_are_one_difference() -> None:
    found = live()
    found["spec"]["template"]["spec"]["containers"][0]["args"] = ["trader", "--mode", "Live"]
    assert len(drift(DESIRED, found).changed) == 1


def test_an_empty_mapping_that_the_api_server_drops_is_not_a_difference() -> None:
    desired = {"kind": "X", "metadata": {"annotations": {}}}
    assert not drift(desired, {"kind": "X", "metadata": {}})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        ("1024Mi", "1Gi"),
        ("1024Ti", "1Pi"),
        ("1024Pi", "1Ei"),
        ("1000P", "1E"),
        ("1e3", "1k"),
        ("128974848", "123Mi"),
    ],
)
def test_quantities_are_numbers(one: str, other: str) -> None:
    assert quantity(one) == quantity(other) is not None


def test_a_word_is_not_a_quantity() -> None:
    assert quantity("many") is None


json = st.recursive(
    st.integers() | st.text(max_size=3) | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(min_size=1, max_size=3), json, max_size=4))
def test_an_object_never_differs_from_itself(value: dict[str, Any]) -> None:
    assert not drift(value, copy.deepcopy(value))
