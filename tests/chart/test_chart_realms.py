"""Separate realms stay separate: nothing of one depends on which others exist."""

from typing import Any

from releases.rendered import environment, needs_helm, of_kind, pods, render

from tradebot.platform.settings import load as load_settings
from tradebot.platform.settings import variable
from tradebot.recorder.settings import RecorderSettings

pytestmark = needs_helm


def recorders(objects: tuple[dict[str, Any], ...]) -> dict[str, RecorderSettings]:
    """Returns the settings of each recorder by the name of its Deployment."""
    return {
        name: load_settings(RecorderSettings, environment=environment(container))
        for name, spec in pods(objects)
        if name.startswith("Deployment")
        for container in spec["containers"]
        if container["name"] == "recorder"
    }


def names(objects: tuple[dict[str, Any], ...], word: str) -> set[str]:
    return {
        f"{item['kind']}/{item['metadata']['name']}"
        for item in objects
        if word in item["metadata"]["name"]
    }


def test_the_emulator_comes_and_goes_and_nothing_of_the_sandbox_moves() -> None:
    without, with_emulator = render(), render("emulator.enabled=true")
    assert names(without, "sandbox") == names(with_emulator, "sandbox") != set()
    (name,) = recorders(without)
    assert recorders(without)[name] == recorders(with_emulator)[name]
    topics = {i["spec"]["topicName"] for i in of_kind(without, "KafkaTopic")}
    assert topics == {
        name
        for item in of_kind(with_emulator, "KafkaTopic")
        if (name := item["spec"]["topicName"]).startswith("sandbox.")
    }


def test_each_environment_of_each_namespace_has_indices_of_its_own_that_one_pattern_finds() -> None:
    objects = render(
        "emulator.enabled=true",
        "environments={Sandbox,Production}",
        "operator.watchNamespaces={bots,team-b}",
    )
    prefixes = [settings.index_prefix for settings in recorders(objects).values()]
    assert sorted(prefixes) == [
        "tradebot_emulator",
        "tradebot_production",
        "tradebot_sandbox",
        "tradebot_team_b_emulator",
        "tradebot_team_b_production",
        "tradebot_team_b_sandbox",
    ]
    # Kibana's data views begin with the default prefix, and end with the kind of document.
    assert all(prefix.startswith(RecorderSettings().index_prefix) for prefix in prefixes)


def test_releases_that_share_an_elasticsearch_write_to_indices_of_their_own() -> None:
    there = ("elasticsearch.external.url=http://es:9200", "emulator.enabled=true")
    own = "elasticsearch.external.indexPrefix=tradebot_east"
    prefixes = [s.index_prefix for s in recorders(render(*there, own)).values()]
    assert sorted(prefixes) == ["tradebot_east_emulator", "tradebot_east_sandbox"]
    assert not {s.index_prefix for s in recorders(render(*there)).values()} & set(prefixes)


def test_a_page_reads_the_indices_that_the_recorder_of_its_environment_writes() -> None:
    objects = render(
        "emulator.enabled=true",
        "environments={Sandbox,Production}",
        "elasticsearch.external.url=http://es:9200",
        "elasticsearch.external.indexPrefix=tradebot_east",
    )
    pages = {
        told[variable("environment")]: told[variable("index_prefix")]
        for name, spec in pods(objects)
        if name.startswith("Deployment/tradebot-dashboard")
        for told in [environment(spec["containers"][0])]
    }
    assert pages == {s.environment: s.index_prefix for s in recorders(objects).values()}
