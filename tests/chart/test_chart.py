"""The chart, rendered by the real Helm over a matrix of values."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from tradebot.dashboard.settings import DashboardSettings
from tradebot.platform.settings import load as load_settings
from tradebot.platform.settings import variable
from tradebot.recorder.settings import RecorderSettings
from tradebot.venue.emulator.settings import EmulatorSettings
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.units import topic_prefix

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/tradebot"

pytestmark = pytest.mark.skipif(
    shutil.which("helm") is None, reason="needs helm on PATH: the chart is rendered by it"
)

EXTERNAL = "kafka.external.bootstrapServers=kafka:9092"
MATRIX: dict[str, tuple[str, ...]] = {
    "defaults": (),
    "emulator": ("emulator.enabled=true",),
    "external kafka": (EXTERNAL, "emulator.enabled=true", "elasticsearch.enabled=false"),
    "external kafka with a user": (
        EXTERNAL,
        "kafka.external.security=SASL_SSL",
        "kafka.external.username=u",
        "kafka.external.passwordSecret=p",
        "kafka.external.caSecret=c",
    ),
    "secure kafka": ("kafka.strimzi.secure=true", "kafka.strimzi.replicas=3"),
    "persistent": (
        "kafka.strimzi.storage.type=persistent-claim",
        "elasticsearch.storage.size=5Gi",
        "elasticsearch.storage.class=fast",
    ),
    "external elasticsearch": (
        "elasticsearch.external.url=https://es.example.org:9243",
        "elasticsearch.external.username=u",
        "elasticsearch.external.passwordSecret=p",
        "elasticsearch.external.caSecret=c",
    ),
    "sqlite on a claim": (
        EXTERNAL,
        "elasticsearch.enabled=false",
        "recorder.persistence.size=1Gi",
    ),
    "several namespaces": (
        "operator.watchNamespaces={bots,team-b}",
        "emulator.enabled=true",
        "environments={Sandbox,Production}",
        "topics.prefix=x.",
    ),
    "monitored": (
        "monitoring.podMonitors=true",
        "monitoring.rules=true",
        "monitoring.grafanaDashboards=true",
        "monitoring.labels.release=prometheus",
    ),
    "bare": (
        EXTERNAL,
        "operator.enabled=false",
        "recorder.enabled=false",
        "dashboard.enabled=false",
        "elasticsearch.enabled=false",
        "networkPolicy.enabled=false",
        "podDisruptionBudgets.enabled=false",
        "crds.enabled=false",
    ),
    "overlaid": (
        "commonLabels.team=red",
        "commonAnnotations.owner=me",
        "fullnameOverride=tb",
        "images.registry=registry.example.org",
        "images.tag=v9",
        "images.pullSecrets={pull}",
        "operator.extras.pod.priorityClassName=high",
        "operator.extras.labels.a=b",
        "operator.extras.env.HTTPS_PROXY=http://proxy",
        "recorder.extras.pod.nodeSelector.disk=ssd",
    ),
}


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["helm", *arguments], capture_output=True, text=True, check=False)


@cache
def render(*values: str, chart: Path = CHART) -> tuple[dict[str, Any], ...]:
    """The objects that the chart makes with these values, as its release in namespace `bots`."""
    sets = [part for value in values for part in ("--set", value)]
    answer = helm("template", "tradebot", str(chart), "-n", "bots", *sets)
    assert answer.returncode == 0, answer.stderr
    return tuple(item for item in yaml.safe_load_all(answer.stdout) if item)


def of_kind(objects: tuple[dict[str, Any], ...], *kinds: str) -> list[dict[str, Any]]:
    return [item for item in objects if item["kind"] in kinds]


def pods(objects: tuple[dict[str, Any], ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name and the pod spec of everything that runs pods."""
    for item in objects:
        name = f"{item['kind']}/{item['metadata']['name']}"
        if item["kind"] == "Pod":
            yield name, item["spec"]
        elif item["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield name, item["spec"]["template"]["spec"]


def environment(container: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item.get("value", "") for item in container.get("env", [])}


everywhere = pytest.mark.parametrize("values", MATRIX.values(), ids=list(MATRIX))


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
    assert "give kafka.external.username" in answer.stderr


@everywhere
def test_every_pod_passes_the_restricted_level(values: tuple[str, ...]) -> None:
    for name, spec in pods(render(*values)):
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["capabilities"] == {"drop": ["ALL"]}, name


@everywhere
def test_our_own_containers_cannot_write_to_their_image(values: tuple[str, ...]) -> None:
    for name, spec in pods(render(*values)):
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            if "tradebot-" in container["image"]:
                assert container["securityContext"]["readOnlyRootFilesystem"] is True, name


@everywhere
def test_only_the_operator_has_a_token(values: tuple[str, ...]) -> None:
    for name, spec in pods(render(*values)):
        assert spec["automountServiceAccountToken"] is name.endswith("-operator"), name


@everywhere
def test_no_pod_gets_variables_of_services_that_look_like_settings(
    values: tuple[str, ...],
) -> None:
    assert all(spec["enableServiceLinks"] is False for _, spec in pods(render(*values)))


@everywhere
def test_every_container_says_what_it_needs_and_how_to_tell_that_it_lives(
    values: tuple[str, ...],
) -> None:
    for name, spec in pods(render(*values)):
        for container in spec["containers"]:
            assert container["resources"]["requests"].keys() >= {"cpu", "memory"}, name
            assert "memory" in container["resources"]["limits"], name
            if not name.startswith(("Pod", "Job")):
                probes = {"startupProbe", "livenessProbe", "readinessProbe"}
                assert probes <= container.keys(), name


@everywhere
def test_every_mount_has_a_volume_and_no_name_is_given_twice(values: tuple[str, ...]) -> None:
    objects = render(*values)
    names = [
        (item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"])
        for item in objects
    ]
    assert len(names) == len(set(names))
    for name, spec in pods(objects):
        volumes = [volume["name"] for volume in spec.get("volumes", [])]
        assert len(volumes) == len(set(volumes)), name
        claims = {"data"} if name.startswith("StatefulSet") else set()
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
            assert mounted <= set(volumes) | claims, name


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
    assert not of_kind(objects, "ClusterRole", "ClusterRoleBinding")
    for role in of_kind(objects, "Role"):
        for rule in role["rules"]:
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
            assert "secrets" not in rule["resources"]


def operator_settings(values: tuple[str, ...]) -> OperatorSettings | None:
    for item in of_kind(render(*values), "ConfigMap"):
        if "operator.json" in item["data"]:
            return msgspec.json.decode(item["data"]["operator.json"], type=OperatorSettings)
    return None


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
                "trader-journal",
                "trade-documents",
                "dead-letters",
            )
        }


@everywhere
def test_every_variable_of_a_stage_is_one_of_its_settings(values: tuple[str, ...]) -> None:
    kinds: dict[str, Any] = {
        "recorder": RecorderSettings,
        "dashboard": DashboardSettings,
        "emulator": EmulatorSettings,
        "import": RecorderSettings,
    }
    for name, spec in pods(render(*values)):
        for container in spec["containers"]:
            kind = kinds.get(container["name"])
            if kind is None:
                continue
            given = {
                key: value
                for key, value in environment(container).items()
                if key.startswith("TRADEBOT_")
            }
            assert set(given) <= {variable(f.name) for f in msgspec.structs.fields(kind)}, name
            load_settings(kind, environment=given)


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
    assert set(users) == {
        f"tradebot-{stage}"
        for stage in ("ingest", "liquidity", "forecast", "trader", "recorder", "dashboard")
    }

    def writes(stage: str) -> set[str]:
        rules = users[f"tradebot-{stage}"]["spec"]["authorization"]["acls"]
        return {
            rule["resource"]["name"].removeprefix("sandbox.")
            for rule in rules
            if "Write" in rule["operations"] and rule["resource"]["type"] == "topic"
        }

    assert writes("ingest") == {
        "gemini-feed",
        "gemini-trades",
        "dead-letters",
    }
    assert writes("trader") == {"trader-journal", "trade-documents"}
    assert writes("dashboard") == set()
    settings = operator_settings(MATRIX["secure kafka"])
    assert settings is not None and settings.credential("trader") is not None
    (listener,) = of_kind(objects, "Kafka")[0]["spec"]["kafka"]["listeners"]
    assert listener["tls"] is True


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    for rule in selector.get("matchExpressions", []):
        inside = labels.get(rule["key"]) in rule["values"]
        if inside != (rule["operator"] == "In"):
            return False
    return True


def reached(objects: tuple[dict[str, Any], ...], labels: dict[str, str], port: int) -> set[str]:
    """The address ranges in which a pod of these labels may open a connection to the port."""
    found: set[str] = set()
    for policy in of_kind(objects, "NetworkPolicy"):
        if not matches(policy["spec"]["podSelector"], labels):
            continue
        for rule in policy["spec"].get("egress", []):
            if port in [item["port"] for item in rule["ports"]]:
                blocks = [peer["ipBlock"] for peer in rule.get("to", []) if "ipBlock" in peer]
                found |= {block["cidr"] for block in blocks}
                world = [block for block in blocks if block["cidr"] == "0.0.0.0/0"]
                if port == 443:
                    assert all("10.0.0.0/8" in block["except"] for block in world)
    return found


def of_stage(stage: str, environment: str, egress: str = "") -> dict[str, str]:
    """The labels of a stage's pod, as the operator sets them."""
    labels = {
        "app.kubernetes.io/part-of": "tradebot",
        "app.kubernetes.io/component": stage,
        "tradebot.dev/stage": stage,
        "tradebot.dev/environment": environment,
    }
    return labels | ({"tradebot.dev/egress": egress} if egress else {})


def test_the_network_is_closed_but_for_what_each_part_needs() -> None:
    objects = render(
        *MATRIX["emulator"],
        "networkPolicy.apiServerPorts={6443}",
        "networkPolicy.venueCidr=203.0.113.0/24",
    )
    for stage in ("ingest", "liquidity", "forecast", "trader"):
        assert not reached(objects, of_stage(stage, "Emulator"), 443), stage
    for stage in ("ingest", "trader"):
        assert reached(objects, of_stage(stage, "Sandbox", "venue"), 443) == {"203.0.113.0/24"}
    assert reached(objects, of_stage("trader", "Emulator"), 6443) == {"0.0.0.0/0"}
    assert not reached(objects, of_stage("forecast", "Sandbox", "venue"), 6443)
    denied = next(
        item
        for item in of_kind(objects, "NetworkPolicy")
        if item["metadata"]["name"] == "tradebot-default"
    )
    assert denied["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert all("to" not in rule or rule["to"] for rule in denied["spec"]["egress"])


def test_a_forecast_reaches_nothing_but_the_history_that_its_bot_asks_for() -> None:
    asked = [of_stage("forecast", "Sandbox", egress) for egress in ("venue", "web")]
    claim = of_stage("forecast", "Sandbox")
    for labels in asked:
        assert reached(render(), labels, 443) == {"0.0.0.0/0"}
        narrow = render("networkPolicy.historyCidrs={203.0.113.7/32}")
        assert reached(narrow, labels, 443) == {"203.0.113.7/32"}
        assert not reached(render("networkPolicy.historyCidrs=null"), labels, 443)
    assert not reached(render(), claim, 443)


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


@everywhere
def test_a_new_version_of_the_chart_alone_restarts_no_pod(
    values: tuple[str, ...], tmp_path: Path
) -> None:
    shutil.copytree(CHART, tmp_path / "chart")
    file = tmp_path / "chart/Chart.yaml"
    chart = yaml.safe_load(file.read_text())
    chart |= {"version": "9.9.9", "appVersion": "9.9.9"}
    file.write_text(yaml.safe_dump(chart))
    pinned = (*values, "images.tag=v9")
    now, then = (
        {
            item["metadata"]["name"]: item["spec"]["template"]
            for item in of_kind(render(*pinned, chart=place), "Deployment", "StatefulSet")
        }
        for place in (CHART, tmp_path / "chart")
    )
    assert now == then


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


def test_without_elasticsearch_the_page_runs_beside_the_recorder_and_reads_its_file() -> None:
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
    (secret,) = of_kind(objects, "Secret")
    assert secret["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert set(secret["data"]) == {"elastic", "kibana", "encryptionKey"}


@pytest.mark.parametrize("values", [MATRIX["defaults"], MATRIX["emulator"], MATRIX["bare"]])
def test_the_notes_tell_what_to_do_next(values: tuple[str, ...]) -> None:
    sets = [part for value in values for part in ("--set", value)]
    answer = helm("install", "tradebot", str(CHART), "--dry-run=client", "-n", "bots", *sets)
    assert answer.returncode == 0, answer.stderr
    notes = answer.stdout.split("NOTES:")[1]
    assert "kubectl get tradebots -n bots -w" in notes
    assert ("btc-paper.yaml" in notes) == ("emulator.enabled=true" in values)


def test_the_dashboards_are_imported_by_a_job_that_runs_the_images_own_command() -> None:
    (job,) = of_kind(render("hooks.deadlineSeconds=90"), "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "post-install,post-upgrade"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["recorder"] and "command" not in container
    told = load_settings(RecorderSettings, environment=environment(container))
    assert told.setup_kibana == "http://tradebot-kibana:5601"
    assert told.kibana_username == "elastic"
    mounted = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert str(Path(told.kibana_password_file).parent) in mounted
    assert told.kibana_wait_seconds < job["spec"]["activeDeadlineSeconds"] == 90
    assert not of_kind(render("kibana.importDashboards=false"), "Job")
    assert not of_kind(render("kibana.enabled=false"), "Job")


def test_the_examples_of_the_chart_are_tradebots() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    (example,) = yaml.safe_load(chart["annotations"]["artifacthub.io/crdsExamples"])
    assert example["kind"] == "TradeBot"
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert schema["additionalProperties"] is False
