"""The chart with unusual names and values: every object stays valid.

Names that look like numbers or YAML keywords, names of every legal length, null sections, additions
to our pods, umbrella charts. Each render is checked with Kubernetes' schemas, and with the rules
for names and labels that the schemas lack.
"""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from releases.rendered import CHART, needs_helm, rendered
from releases.schemas import OTHERS, VERSIONS, problems

pytestmark = needs_helm

LABEL = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
SERVICE = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def faults(items: list[dict[str, Any]]) -> list[str]:
    """Returns what an API server would refuse."""
    found = []
    for item in items:
        kind, name = item["kind"], item["metadata"]["name"]
        if not (isinstance(name, str) and SUBDOMAIN.fullmatch(name) and len(name) <= 253):
            found.append(f"{kind}: name {name!r}")
        if kind == "Service" and not (SERVICE.fullmatch(name) and len(name) <= 63):
            found.append(f"Service: name {name!r}")
        if kind == "StatefulSet" and len(name) > 52:
            found.append(f"StatefulSet: name {name!r}")
        found += [f"{kind} {name}: {text}" for text in _faults_within(item)]
        if not item["apiVersion"].startswith(OTHERS):
            found += problems(VERSIONS[-1], item)
    names = Counter(
        (i["kind"], i["metadata"].get("namespace"), i["metadata"]["name"]) for i in items
    )
    return found + [f"{name} twice" for name, count in names.items() if count > 1]


def _faults_within(item: dict[str, Any]) -> Iterator[str]:
    for labels in mappings(item, "labels", "matchLabels"):
        for key, value in labels.items():
            if not (isinstance(value, str) and LABEL.fullmatch(value) and len(value) <= 63):
                yield f"label {key}={value!r}"
    for spec in pods(item):
        volumes = [volume["name"] for volume in spec.get("volumes", [])]
        volumes += [
            claim["metadata"]["name"] for claim in item["spec"].get("volumeClaimTemplates", [])
        ]
        if len(set(volumes)) != len(volumes):
            yield f"volumes {volumes}"
        for container in (*spec["containers"], *spec.get("initContainers", [])):
            variables = [variable["name"] for variable in container.get("env", [])]
            if len(set(variables)) != len(variables):
                yield f"variables {variables}"
            for mount in container.get("volumeMounts", []):
                if mount["name"] not in volumes:
                    yield f"mount {mount['name']} has no volume"


def mappings(node: Any, *keys: str) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in keys and isinstance(value, dict):
                yield value
            elif key not in ("openAPIV3Schema", "data"):
                yield from mappings(value, *keys)
    elif isinstance(node, list):
        for each in node:
            yield from mappings(each, *keys)


def pods(item: dict[str, Any]) -> list[dict[str, Any]]:
    if item["kind"] == "Pod":
        return [item["spec"]]
    if item["kind"] in ("Deployment", "StatefulSet", "Job"):
        return [item["spec"]["template"]["spec"]]
    return []


def of(items: list[dict[str, Any]], kind: str, end: str) -> dict[str, Any]:
    (found,) = [i for i in items if i["kind"] == kind and i["metadata"]["name"].endswith(end)]
    return found


WORDS = ["true", "null", "2026", "1e3", "0x10", "1.5", "on", "a"]
releases = st.one_of(
    st.sampled_from(WORDS), st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,51}[a-z0-9])?", fullmatch=True)
).filter(lambda name: SUBDOMAIN.fullmatch(name) is not None)
namespaces = st.one_of(
    st.sampled_from(["true", "null", "2026", "1e3", "on"]),
    st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True),
)
texts = st.sampled_from(["100234", "a #b", "true", "null", "1e3", "x: y", "it's", '"', "~", "- a"])
extras = st.fixed_dictionaries(
    {},
    optional={
        "env": st.dictionaries(
            st.sampled_from(["TRADEBOT_LOG_FORMAT", "TRADEBOT_KAFKA", "A"]), texts
        ),
        "labels": st.dictionaries(st.sampled_from(["team", "cost"]), st.sampled_from(["1", "x"])),
        "volumes": st.just([{"name": "tmp", "emptyDir": {"medium": "Memory"}}]),
        "sidecars": st.just([{"name": "proxy", "image": "proxy:1"}]),
        "pod": st.just({"tolerations": [{"operator": "Exists"}], "volumes": [{"name": "x"}]}),
    },
)
values = st.fixed_dictionaries(
    {},
    optional={
        "operator": st.one_of(
            st.none(),
            st.fixed_dictionaries(
                {"watchNamespaces": st.lists(namespaces, max_size=2, unique=True)},
                optional={"extras": extras},
            ),
        ),
        "recorder": st.one_of(st.none(), st.fixed_dictionaries({"extras": extras})),
        "elasticsearch": st.one_of(st.none(), st.fixed_dictionaries({"tls": st.booleans()})),
        "emulator": st.fixed_dictionaries(
            {"enabled": st.booleans(), "seed": st.integers(0, 2**40), "extras": extras}
        ),
        "kafka": st.one_of(
            st.none(),
            st.fixed_dictionaries({"strimzi": st.fixed_dictionaries({"secure": st.booleans()})}),
            texts.map(
                lambda user: {
                    "external": {
                        "bootstrapServers": "[2001:db8::1]:9093,broker.example.org:9093",
                        "security": "SASL_SSL",
                        "username": user,
                        "passwordSecret": "password",
                    }
                }
            ),
        ),
        "topics": st.sampled_from([None, {"prefix": "Team_A."}, {"prefix": "-"}, {"prefix": "_."}]),
        "hooks": st.one_of(st.none(), st.fixed_dictionaries({"extras": extras})),
        "openshift": st.booleans(),
        "ipv6": st.booleans(),
        "commonLabels": st.sampled_from([None, {"app.kubernetes.io/version": "9", "a/b": "c"}]),
        "networkPolicy": st.sampled_from([None, {"apiServerCidr": "::1/128"}]),
    },
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(release=releases, namespace=namespaces, chosen=values)
def test_any_names_and_values_give_objects_that_an_api_server_takes(
    release: str, namespace: str, chosen: dict[str, Any]
) -> None:
    assert faults(rendered(chosen, release=release, namespace=namespace)) == []


@pytest.mark.parametrize("release", ["true", "2026", "a.b", "r" * 53, "1e3"])
def test_a_release_of_any_legal_name_gives_legal_objects(release: str) -> None:
    assert faults(rendered({}, release=release)) == []


def test_a_user_that_looks_like_a_number_stays_a_text() -> None:
    items = rendered(
        {
            "kafka": {
                "external": {
                    "bootstrapServers": "broker:9093",
                    "security": "SASL_SSL",
                    "username": "100234",
                    "passwordSecret": "p",
                }
            }
        }
    )
    recorder = of(items, "Deployment", "recorder-sandbox")
    (container,) = pods(recorder)[0]["containers"]
    assert {"name": "TRADEBOT_KAFKA_USERNAME", "value": "100234"} in container["env"]


def test_a_large_number_is_not_written_with_an_exponent() -> None:
    items = rendered({"emulator": {"enabled": True, "seed": 12345678}})
    (container,) = pods(of(items, "Deployment", "tradebot-emulator"))[0]["containers"]
    assert {"name": "TRADEBOT_SEED", "value": "12345678"} in container["env"]


@pytest.mark.parametrize(
    "section", ["topics", "commonAnnotations", "elasticsearch", "kafka", "operator", "hooks"]
)
def test_a_section_that_is_null_counts_as_absent(section: str) -> None:
    secrets = ("Secret",)  # their values are random
    absent = [item for item in rendered({}) if item["kind"] not in secrets]
    assert [i for i in rendered({section: None}) if i["kind"] not in secrets] == absent


def test_a_limit_that_is_null_is_taken_away() -> None:
    items = rendered({"recorder": {"resources": {"limits": None}}})
    (container,) = pods(of(items, "Deployment", "recorder-sandbox"))[0]["containers"]
    assert set(container["resources"]) == {"requests"}


def test_additions_join_and_replace_ours() -> None:
    added = {
        "env": {"TRADEBOT_LOG_FORMAT": "text", "TOKEN": {"valueFrom": {"fieldRef": {}}}},
        "envFrom": [{"secretRef": {"name": "more"}}],
        "volumes": [{"name": "ca", "configMap": {"name": "ca"}}],
        "volumeMounts": [{"name": "ca", "mountPath": "/etc/ca"}],
        "sidecars": [{"name": "proxy", "image": "proxy:1"}],
    }
    spec = pods(of(rendered({"recorder": {"extras": added}}), "Deployment", "recorder-sandbox"))[0]
    recorder, proxy = spec["containers"]
    variables = {each["name"]: each for each in recorder["env"]}
    assert variables["TRADEBOT_LOG_FORMAT"]["value"] == "text"
    assert variables["TOKEN"]["valueFrom"] == {"fieldRef": {}}
    assert recorder["envFrom"] == [{"secretRef": {"name": "more"}}]
    assert {"name": "ca", "mountPath": "/etc/ca"} in recorder["volumeMounts"]
    assert {"tmp", "state", "ca"} < {volume["name"] for volume in spec["volumes"]}
    assert proxy["image"] == "proxy:1"


def test_jobs_and_the_test_pod_take_tolerations_a_node_pool_and_resources() -> None:
    added = {"pod": {"tolerations": [{"operator": "Exists"}], "nodeSelector": {"pool": "bots"}}}
    resources = {"requests": {"cpu": "1m", "memory": "32Mi"}}
    items = rendered({"hooks": {"extras": added, "resources": resources}})
    found = [(i["kind"], spec) for i in items if i["kind"] in ("Job", "Pod") for spec in pods(i)]
    assert [kind for kind, _ in found] == ["Pod", "Job", "Job", "Job"]
    for _, spec in found:
        assert spec["nodeSelector"] == {"pool": "bots"}
        assert spec["tolerations"] == [{"operator": "Exists"}]
        assert spec["containers"][0]["resources"]["requests"] == resources["requests"]


@pytest.mark.parametrize(
    ("place", "label"),
    [
        ("commonLabels", "app.kubernetes.io/instance"),
        ("recorder.extras.labels", "app.kubernetes.io/component"),
        ("stages.trader.labels", "tradebot.dev/stage"),
        ("hooks.extras.labels", "app.kubernetes.io/name"),
    ],
)
def test_a_label_by_which_pods_are_found_cannot_be_overlaid(place: str, label: str) -> None:
    value = f"{place}.{label.replace('.', chr(92) + '.')}=x"
    command = ["helm", "template", "t", str(CHART), "--set-string", value]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode != 0
    assert f"{place}: the chart sets the label {label} itself" in answer.stderr


def test_openshift_chooses_the_user_of_every_pod() -> None:
    items = rendered({"openshift": True, "emulator": {"enabled": True}})
    for item in items:
        for spec in pods(item):
            assert not {"runAsUser", "runAsGroup", "fsGroup"} & set(spec["securityContext"])


def test_an_image_by_digest_is_used_unchanged() -> None:
    digest = "registry.example.org/ops@sha256:" + "0" * 64
    items = rendered({"images": {"operator": digest}})
    assert pods(of(items, "Deployment", "-operator"))[0]["containers"][0]["image"] == digest


def test_brokers_take_strimzis_template_and_settings() -> None:
    strimzi = {"template": {"pod": {"priorityClassName": "high"}}, "config": {"log.dirs": "x"}}
    kafka = of(rendered({"kafka": {"strimzi": strimzi}}), "Kafka", "tradebot")["spec"]["kafka"]
    assert kafka["template"] == strimzi["template"]
    assert kafka["config"]["log.dirs"] == "x" and "min.insync.replicas" in kafka["config"]


def test_each_environment_has_an_ingress_with_a_host_of_its_own() -> None:
    ingress = {"enabled": True, "host": "bots.example.org", "className": "nginx"}
    one = rendered({"dashboard": {"ingress": ingress}})
    two = rendered({"dashboard": {"ingress": ingress}, "environments": ["Sandbox", "Production"]})
    assert hosts(one) == ["bots.example.org"]
    assert hosts(two) == ["production.bots.example.org", "sandbox.bots.example.org"]


def hosts(items: list[dict[str, Any]]) -> list[str]:
    return sorted(i["spec"]["rules"][0]["host"] for i in items if i["kind"] == "Ingress")


@pytest.mark.parametrize("alias", ["", "bots"])
def test_an_umbrella_chart_switches_it_and_shares_its_registry(alias: str, tmp_path: Path) -> None:
    name = alias or "tradebot"
    dependency = {"name": "tradebot", "version": "*", "condition": f"{name}.enabled"}
    if alias:
        dependency["alias"] = alias
    umbrella: dict[str, Any] = {"apiVersion": "v2", "name": "umbrella", "version": "1.0.0"}
    umbrella |= {"dependencies": [dependency]}
    (tmp_path / "Chart.yaml").write_text(json.dumps(umbrella))
    (tmp_path / "charts").mkdir()
    (tmp_path / "charts/tradebot").symlink_to(CHART)
    shared = {"imageRegistry": "registry.example.org", "imagePullSecrets": ["a", {"name": "b"}]}
    assert rendered({name: {"enabled": False}}, chart=tmp_path) == []
    items = rendered({name: {"enabled": True}, "global": shared}, chart=tmp_path)
    assert faults(items) == []
    spec = pods(of(items, "Deployment", "-operator"))[0]
    assert spec["containers"][0]["image"].startswith("registry.example.org/tradebot-operator:")
    assert spec["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}]
