"""The owner's additions to a stage's pod join or replace the operator's items; nothing is lost."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot_operator.builders.overlay import overlaid, with_template
from tradebot_operator.settings import StageTemplate

POD: dict[str, Any] = {
    "containers": [
        {
            "name": "trader",
            "args": ["trader"],
            "env": [{"name": "TRADEBOT_LOG_FORMAT", "value": "json"}],
            "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        }
    ],
    "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "state", "emptyDir": {}}],
}


def test_a_variable_of_the_owner_replaces_ours() -> None:
    (trader,) = with_template(POD, StageTemplate(env={"TRADEBOT_LOG_FORMAT": "text"}))["containers"]
    assert trader["env"] == [{"name": "TRADEBOT_LOG_FORMAT", "value": "text"}]


def test_a_variable_can_come_from_a_secret() -> None:
    source = {"valueFrom": {"secretKeyRef": {"name": "proxy", "key": "url"}}}
    (trader,) = with_template(POD, StageTemplate(env={"HTTPS_PROXY": source}))["containers"]
    assert trader["env"][1] == {"name": "HTTPS_PROXY"} | source


def test_volumes_and_mounts_join_ours() -> None:
    template = StageTemplate(
        volumes=({"name": "ca", "configMap": {"name": "ca"}},),
        volume_mounts=({"name": "ca", "mountPath": "/etc/ca"},),
    )
    pod = with_template(POD, template)
    assert [volume["name"] for volume in pod["volumes"]] == ["tmp", "state", "ca"]
    assert [mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]] == [
        "/tmp",
        "/etc/ca",
    ]


def test_a_volume_of_the_same_name_replaces_ours_with_its_source() -> None:
    claim = {"name": "state", "persistentVolumeClaim": {"claimName": "mine"}}
    pod = with_template(POD, StageTemplate(pod={"volumes": [claim]}))
    assert pod["volumes"] == [{"name": "tmp", "emptyDir": {}}, claim]


def test_a_sidecar_joins_and_a_container_of_the_same_name_is_merged() -> None:
    template = StageTemplate(
        sidecars=({"name": "proxy", "image": "proxy:1"},),
        pod={"containers": [{"name": "trader", "tty": True}]},
    )
    trader, proxy = with_template(POD, template)["containers"]
    assert trader == POD["containers"][0] | {"tty": True}
    assert proxy == {"name": "proxy", "image": "proxy:1"}


def test_tolerations_are_added_where_there_are_none() -> None:
    tolerations = [{"key": "pool", "operator": "Exists"}]
    assert with_template(POD, StageTemplate(pod={"tolerations": tolerations}))["tolerations"] == (
        tolerations
    )


names = st.sampled_from(["a", "b", "c"])
items = st.lists(
    st.builds(lambda name, value: {"name": name, "value": value}, names, st.integers()),
    unique_by=lambda item: item["name"],
)


@pytest.mark.parametrize("key", ["env", "containers"])
@given(base=items, over=items)
def test_no_name_is_doubled_or_dropped_and_the_owners_value_wins(
    key: str, base: list[dict[str, Any]], over: list[dict[str, Any]]
) -> None:
    found = overlaid({key: base}, {key: over})[key]
    wanted = {item["name"]: item["value"] for item in (*base, *over)}
    assert {item["name"]: item["value"] for item in found} == wanted
    assert len(found) == len(wanted)
