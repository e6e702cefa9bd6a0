"""The chart, rendered by the real Helm over a matrix of values."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from releases.rendered import (
    CHART,
    EXTERNAL,
    MATRIX,
    ROOT,
    environment,
    everywhere,
    helm,
    needs_helm,
    of_kind,
    operator_settings,
    pods,
    render,
)

from tradebot.platform.settings import load as load_settings
from tradebot.platform.settings import variable
from tradebot.recorder.settings import RecorderSettings
from tradebot_operator.units import topic_prefix

pytestmark = needs_helm


def test_helm_finds_nothing_to_complain_of() -> None:
    answer = helm("lint", "--strict", str(CHART))
    assert answer.returncode == 0, answer.stdout


def test_schema_and_table_are_made_from_the_values() -> None:
    subprocess.run([sys.executable, str(CHART.parent / "document.py"), "--check"], check=True)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("oprator.enabled=true", "oprator"),
        ("operator.enabeld=true", "enabeld"),
        ("environments={Testnet}", "environments"),
        ("kafka.strimzi.replicas=2", "replicas"),
        ("images.pullPolicy=Sometimes", "pullPolicy"),
        ("stages.trader.resorces.x=1", "resorces"),
        ("topics.partitions=many", "partitions"),
    ],
)
def test_a_typo_in_the_values_is_refused_by_name(value: str, words: str) -> None:
    answer = helm("template", "tradebot", str(CHART), "--set", value)
    assert answer.returncode != 0
    assert words in answer.stderr


def test_a_broker_that_wants_a_user_is_refused_without_one() -> None:
    sets = ("--set", f"{EXTERNAL},kafka.external.security=SASL_SSL")
    answer = helm("template", "tradebot", str(CHART), *sets)
    assert "set kafka.external.username" in answer.stderr


@everywhere
def test_every_selector_finds_pods_of_the_chart(values: tuple[str, ...]) -> None:
    objects = render(*values)
    labelled = [
        item["spec"]["template"]["metadata"]["labels"]
        for item in of_kind(objects, "Deployment", "StatefulSet")
    ]
    selectors = [item["spec"]["selector"] for item in of_kind(objects, "Service")]
    selectors += [
        item["spec"]["selector"]["matchLabels"]
        for item in of_kind(objects, "Deployment", "StatefulSet", "PodDisruptionBudget")
    ]
    for selector in selectors:
        if "tradebot.dev/stage" not in selector:
            assert any(selector.items() <= labels.items() for labels in labelled), selector


@everywhere
def test_no_role_is_a_blank_cheque_and_none_reads_secrets(values: tuple[str, ...]) -> None:
    objects = render(*values)
    assert not of_kind(objects, "ClusterRoleBinding")
    for role in of_kind(objects, "ClusterRole"):  # for people, through the cluster's own roles
        assert [rule["apiGroups"] for rule in role["rules"]] == [["tradebot.dev"]] * len(
            role["rules"]
        )
    for role in of_kind(objects, "Role", "ClusterRole"):
        for rule in role["rules"]:
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
            assert "secrets" not in rule["resources"]


@everywhere
def test_the_operator_takes_its_configuration_and_names_the_same_topics(
    values: tuple[str, ...],
) -> None:
    settings = operator_settings(values)
    if settings is None:
        assert "operator.enabled=false" in values
        return
    prefixes = {
        topic_prefix(settings, namespace, environment)
        for namespace in settings.namespaces
        for environment in settings.environments
    }
    told = {
        environment_of[variable("topic_prefix")]
        for name, spec in pods(render(*values))
        for container in spec["containers"]
        if variable("topic_prefix") in (environment_of := environment(container))
        and name.startswith("Deployment")
    }
    assert told <= prefixes
    if "recorder.enabled=false" not in values:
        assert told == prefixes
    topics = {item["spec"]["topicName"] for item in of_kind(render(*values), "KafkaTopic")}
    if topics:
        assert topics == {
            prefix + name
            for prefix in prefixes
            for name in (
                "gemini-feed",
                "gemini-trades",
                "faust.out",
                "forecasts",
                "minutes",
                "proposals",
                "accounts",
                "parity",
                "models",
                "trader-journal",
                "trade-documents",
                "dead-letters",
            )
        }


def test_the_emulator_comes_with_its_environment_and_production_only_by_name() -> None:
    settings = operator_settings(MATRIX["emulator"])
    assert settings is not None
    assert settings.environments == ("Emulator", "Sandbox")
    plain = operator_settings(())
    assert plain is not None and plain.environments == ("Sandbox",)


def test_the_definition_can_be_kept_left_out_or_removed_with_the_chart() -> None:
    policy = "helm.sh/resource-policy"
    (kept,) = of_kind(render(), "CustomResourceDefinition")
    assert kept["metadata"]["annotations"][policy] == "keep"
    (gone,) = of_kind(render("crds.keep=false"), "CustomResourceDefinition")
    assert policy not in gone["metadata"].get("annotations", {})
    assert not of_kind(render("crds.enabled=false"), "CustomResourceDefinition")


def test_one_broker_is_for_a_laptop_and_three_survive_the_loss_of_one() -> None:
    (one,) = of_kind(render(), "Kafka")
    (three,) = of_kind(render("kafka.strimzi.replicas=3"), "Kafka")
    assert one["spec"]["kafka"]["config"]["min.insync.replicas"] == 1
    assert three["spec"]["kafka"]["config"]["min.insync.replicas"] == 2
    assert {
        item["spec"]["replicas"]
        for item in of_kind(render("kafka.strimzi.replicas=3"), "KafkaTopic")
    } == {3}


def test_a_secure_broker_gives_each_stage_its_own_user_with_rights_to_its_topics_alone() -> None:
    objects = render(*MATRIX["secure kafka"])
    users = {item["metadata"]["name"]: item for item in of_kind(objects, "KafkaUser")}
    bots = {"ingest", "liquidity", "forecast", "strategy", "trader"}
    others = {"recorder", "dashboard", "parity"}
    assert set(users) == {f"tradebot-{stage}" for stage in bots | others}

    def writes(stage: str) -> set[str]:
        rules = users[f"tradebot-{stage}"]["spec"]["authorization"]["acls"]
        return {
            rule["resource"]["name"].removeprefix("sandbox.")
            for rule in rules
            if "Write" in rule["operations"] and rule["resource"]["type"] == "topic"
        }

    assert writes("ingest") == {"gemini-feed", "gemini-trades", "minutes"}
    assert writes("strategy") == {"proposals", "dead-letters"}
    assert writes("trader") == {"trader-journal.", "trade-documents", "accounts", "dead-letters"}
    assert writes("dashboard") == set()
    assert writes("parity") == {"parity"}
    (journals,) = (
        rule
        for rule in users["tradebot-trader"]["spec"]["authorization"]["acls"]
        if rule["resource"].get("name") == "sandbox.trader-journal."
    )
    assert journals["resource"]["patternType"] == "prefix"
    assert {"Create", "Delete", "DescribeConfigs"} < set(journals["operations"])
    settings = operator_settings(MATRIX["secure kafka"])
    assert settings is not None and settings.credential("trader") is not None
    (listener,) = of_kind(objects, "Kafka")[0]["spec"]["kafka"]["listeners"]
    assert listener["tls"] is True


def test_overlays_and_common_labels_reach_what_they_should() -> None:
    objects = render(*MATRIX["overlaid"])
    for item in objects:
        if item["kind"] != "CustomResourceDefinition":
            assert item["metadata"]["labels"]["team"] == "red", item["metadata"]["name"]
    specs = dict(pods(objects))
    operator = specs["Deployment/tb-operator"]
    assert operator["priorityClassName"] == "high"
    assert environment(operator["containers"][0])["HTTPS_PROXY"] == "http://proxy"
    assert operator["imagePullSecrets"] == [{"name": "pull"}]
    assert operator["containers"][0]["image"] == "registry.example.org/tradebot-operator:v9"
    assert specs["Deployment/tb-recorder-sandbox"]["nodeSelector"] == {"disk": "ssd"}


def test_an_image_that_is_named_whole_is_taken_as_it_is() -> None:
    specs = dict(pods(render("images.registry=r", "images.operator=other.org/op:v2")))
    assert specs["Deployment/tradebot-operator"]["containers"][0]["image"] == "other.org/op:v2"


def test_skaffold_builds_every_image_and_sets_values_that_the_chart_has() -> None:
    config = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
    for artifact in config["build"]["artifacts"]:
        assert (ROOT / artifact["docker"]["dockerfile"]).is_file()
    (release,) = config["deploy"]["helm"]["releases"]
    values = [*release["setValueTemplates"], *release["setValues"]]
    render(*(f"{value}=true" for value in values if value.endswith("enabled")))
    schema = json.loads((CHART / "values.schema.json").read_text())
    for value in values:
        node = schema
        for part in value.split("."):
            node = node["properties"][part]


def test_without_elasticsearch_the_page_runs_alongside_the_recorder_and_reads_its_file() -> None:
    objects = render(*MATRIX["external kafka"])
    specs = dict(pods(objects))
    spec = specs["Deployment/tradebot-recorder-emulator"]
    assert [container["name"] for container in spec["containers"]] == ["recorder", "dashboard"]
    assert not any(name.startswith("Deployment/tradebot-dashboard") for name in specs)
    service = next(
        item
        for item in of_kind(objects, "Service")
        if item["metadata"]["name"] == "tradebot-dashboard-emulator"
    )
    assert service["spec"]["selector"]["app.kubernetes.io/component"] == "recorder-emulator"


def test_with_elasticsearch_security_is_on_and_the_passwords_are_made_once() -> None:
    objects = render()
    (elastic,) = of_kind(objects, "StatefulSet")
    variables = environment(elastic["spec"]["template"]["spec"]["containers"][0])
    assert variables["xpack.security.enabled"] == "true"
    (secret,) = (one for one in of_kind(objects, "Secret") if "encryptionKey" in one["data"])
    assert secret["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    users = {"elastic", "kibana", "recorder", "dashboard", "importer"}
    assert set(secret["data"]) == users | {"encryptionKey"}


def imports(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the Jobs that import Kibana's dashboards."""
    return [j for j in of_kind(objects, "Job") if "import-dashboards" in j["metadata"]["name"]]


def test_the_dashboards_are_imported_by_a_job_that_runs_the_images_own_command() -> None:
    (job,) = imports(render("hooks.deadlineSeconds=90"))
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "post-install,post-upgrade"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["recorder"] and "command" not in container
    told = load_settings(RecorderSettings, environment=environment(container))
    assert told.setup_kibana == "http://tradebot-kibana:5601"
    assert told.kibana_username == "tradebot_importer"
    mounted = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert str(Path(told.kibana_password_file).parent) in mounted
    assert told.kibana_wait_seconds < job["spec"]["activeDeadlineSeconds"] == 90
    assert not imports(render("kibana.importDashboards=false"))
    assert not imports(render("kibana.enabled=false"))


OWN_SERVERS = (
    EXTERNAL,
    "elasticsearch.external.url=https://es.example.org:9243",
    "elasticsearch.external.username=writer",
    "elasticsearch.external.passwordSecret=es-user",
    "kibana.external.url=https://kibana.example.org",
)


@pytest.mark.parametrize(
    ("more", "user", "secrets"),
    [
        ((), "writer", ["es-user"]),
        (
            (
                "kibana.external.username=importer",
                "kibana.external.passwordSecret=kibana-user",
                "kibana.external.caSecret=kibana-ca",
            ),
            "importer",
            ["kibana-user", "kibana-ca"],
        ),
    ],
)
def test_a_kibana_of_one_s_own_gets_the_dashboards_and_the_chart_runs_none(
    more: tuple[str, ...], user: str, secrets: list[str]
) -> None:
    objects = render(*OWN_SERVERS, *more)
    assert "kibana" not in " ".join(name for name, _ in pods(objects))
    (job,) = imports(objects)
    spec = job["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    told = load_settings(RecorderSettings, environment=environment(container))
    assert (told.setup_kibana, told.kibana_username) == ("https://kibana.example.org", user)
    (place,) = (m["mountPath"] for m in container["volumeMounts"] if m["name"] == "kibana")
    (volume,) = (v["projected"] for v in spec["volumes"] if v["name"] == "kibana")
    assert [source["secret"]["name"] for source in volume["sources"]] == secrets
    files = {f"{place}/{i['path']}" for s in volume["sources"] for i in s["secret"]["items"]}
    assert {told.kibana_password_file, told.kibana_ca_file} - {""} == files
    assert not imports(render(*OWN_SERVERS, *more, "kibana.importDashboards=false"))


def test_a_kibana_that_nobody_gives_documents_to_is_refused() -> None:
    values = (EXTERNAL, "elasticsearch.enabled=false", "kibana.external.url=https://k.example.org")
    answer = helm("template", "tradebot", str(CHART), *(w for v in values for w in ("--set", v)))
    assert answer.returncode != 0
    assert "set elasticsearch.external.url too" in answer.stderr


def test_the_examples_of_the_chart_are_tradebots() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    (example,) = yaml.safe_load(chart["annotations"]["artifacthub.io/crdsExamples"])
    assert example["kind"] == "TradeBot"
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert schema["additionalProperties"] is False
