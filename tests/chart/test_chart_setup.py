"""The Jobs that set Elasticsearch and Kibana up after each install and upgrade."""

from typing import Any

import pytest
from releases.rendered import MATRIX, environment, everywhere, needs_helm, of_kind, pods, render

from tradebot.platform.settings import load as load_settings
from tradebot.recorder.settings import RecorderSettings

pytestmark = needs_helm


def job(objects: tuple[dict[str, Any], ...], word: str) -> dict[str, Any] | None:
    found = [item for item in of_kind(objects, "Job") if item["metadata"]["name"].endswith(word)]
    assert len(found) < 2
    return found[0] if found else None


def told(spec: dict[str, Any]) -> list[RecorderSettings]:
    return [
        load_settings(RecorderSettings, environment=environment(container))
        for container in spec["containers"]
        if container["args"] == ["recorder"]
    ]


def stores(settings: RecorderSettings) -> tuple[object, ...]:
    """Returns the settings that decide how a recorder sets up its store."""
    return (
        settings.elasticsearch,
        settings.elasticsearch_username,
        settings.elasticsearch_password_file,
        settings.elasticsearch_ca_file,
        settings.index_prefix,
        settings.retention_days,
        settings.replicas,
    )


@everywhere
def test_a_job_sets_up_for_every_recorder_what_the_recorder_itself_would(
    values: tuple[str, ...],
) -> None:
    objects = render(*values, "recorder.retentionDays=999")
    recorders = [
        settings
        for name, spec in pods(objects)
        if name.startswith("Deployment") and "-recorder-" in name
        for settings in told(spec)
        if settings.elasticsearch
    ]
    made = job(objects, "-set-up-documents")
    if made is None:
        assert not recorders
        return
    settings = told(made["spec"]["template"]["spec"])
    assert all(each.setup and not each.setup_kibana for each in settings)
    assert {stores(each) for each in settings} == {stores(each) for each in recorders} != set()
    assert len(settings) == len(recorders)


def test_it_comes_before_the_dashboards_and_gives_up_before_it_is_ended() -> None:
    objects = render("hooks.deadlineSeconds=90")
    first, second = job(objects, "-set-up-documents"), job(objects, "-import-dashboards")
    assert first is not None and second is not None
    for each in (first, second):
        assert each["metadata"]["annotations"]["helm.sh/hook"] == "post-install,post-upgrade"
        assert each["spec"]["backoffLimit"] > 0
    weights = [
        int(e["metadata"]["annotations"].get("helm.sh/hook-weight", 0)) for e in (first, second)
    ]
    assert weights[0] < weights[1]
    (settings,) = told(first["spec"]["template"]["spec"])
    assert settings.setup_wait_seconds < first["spec"]["activeDeadlineSeconds"] == 90


@pytest.mark.parametrize(
    "values", [MATRIX["external kafka"], MATRIX["no environment"], ("recorder.enabled=false",)]
)
def test_there_is_no_job_where_nothing_is_recorded_in_elasticsearch(
    values: tuple[str, ...],
) -> None:
    assert job(render(*values), "-set-up-documents") is None
