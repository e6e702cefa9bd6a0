"""Roles, metrics Services, the number of liquidity's pods, and where pods are placed."""

from typing import Any

import pytest
from releases.made_children import bot, unit
from releases.rendered import children, helm, needs_helm, of_kind, operator_settings, pods, render

from tradebot_operator.stages.table import STAGES

pytestmark = needs_helm

SCALED = ("liquidity.keda.enabled=true", "environments={Sandbox,Production}")
SECURE = ("kafka.strimzi.secure=true",)


def the(values: tuple[str, ...], kind: str, end: str) -> dict[str, Any]:
    (found,) = [i for i in of_kind(render(*values), kind) if i["metadata"]["name"].endswith(end)]
    return found


def deployments(stage: str, values: tuple[str, ...]) -> list[dict[str, Any]]:
    settings = operator_settings(values)
    assert settings is not None
    body = {
        "metadata": {"name": "btc"},
        "spec": {"symbol": "BTCUSD", "venue": {"environment": "Sandbox"}},
    }
    return [
        item
        for item in children(body, settings)
        if item["kind"] == "Deployment" and item["metadata"]["name"].startswith(stage)
    ]


def test_whoever_may_view_or_edit_a_namespace_may_view_or_edit_its_tradebots() -> None:
    view, edit = the((), "ClusterRole", "-view"), the((), "ClusterRole", "-edit")
    joins = "rbac.authorization.k8s.io/aggregate-to-"
    for role, names in ((view, {"view", "edit", "admin"}), (edit, {"edit", "admin"})):
        labels = role["metadata"]["labels"]
        assert {key for key in labels if key.startswith(joins)} == {joins + name for name in names}
        assert "namespace" not in role["metadata"]
    assert {verb for rule in view["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
    assert edit["rules"] == [
        {
            "apiGroups": ["tradebot.dev"],
            "resources": ["tradebots"],
            "verbs": ["create", "update", "patch", "delete", "deletecollection"],
        }
    ]


def test_two_releases_have_roles_of_their_own_and_none_without_the_crd() -> None:
    def names(namespace: str) -> set[str]:
        found = of_kind(render(namespace=namespace), "ClusterRole")
        return {item["metadata"]["name"] for item in found}

    assert not names("bots") & names("others")
    assert of_kind(render("crds.enabled=false"), "ClusterRole") == []


def test_each_stage_and_component_has_a_service_for_its_metrics() -> None:
    values = ("liquidity.webPort=6066", "operator.watchNamespaces={bots,team}")
    services = of_kind(render(*values), "Service")
    for stage in STAGES:
        found = [i for i in services if i["metadata"]["name"] == f"tradebot-stage-{stage.name}"]
        assert sorted(i["metadata"]["namespace"] for i in found) == ["bots", "team"]
        (name,) = {port["name"]: port for port in found[0]["spec"]["ports"]}.keys() - {"web"}
        assert name == "metrics" and found[0]["spec"]["clusterIP"] == "None"
    metrics = {i["metadata"]["name"] for i in services if "metrics" in i["metadata"]["name"]}
    assert {"tradebot-metrics-operator", "tradebot-metrics-recorder-sandbox"} <= metrics
    assert the(("monitoring.services=false",), "Service", "dashboard-sandbox")
    assert not [
        i
        for i in of_kind(render("monitoring.services=false"), "Service")
        if "stage" in i["metadata"]["name"]
    ]


def test_faust_s_pages_have_a_port_a_service_and_a_policy() -> None:
    values = ("liquidity.webPort=6066", "networkPolicy.pagesNamespaces={ingress}")
    (liquidity,) = deployments("liquidity", values)
    (container,) = liquidity["spec"]["template"]["spec"]["containers"]
    assert {"name": "web", "containerPort": 6066, "protocol": "TCP"} in container["ports"]
    service = the(values, "Service", "stage-liquidity")["spec"]
    assert {"name": "web", "port": 6066, "targetPort": "web", "protocol": "TCP"} in service["ports"]
    assert (
        service["selector"].items() <= liquidity["spec"]["template"]["metadata"]["labels"].items()
    )
    rule = the(values, "NetworkPolicy", "-faust")["spec"]["ingress"][0]
    assert rule["ports"] == [{"port": 6066, "protocol": "TCP"}]
    assert not [i for i in of_kind(render(), "NetworkPolicy") if "faust" in i["metadata"]["name"]]


def test_liquidity_has_as_many_pods_as_the_values_say() -> None:
    (fixed,) = deployments("liquidity", ("liquidity.replicas=3",))
    assert fixed["spec"]["replicas"] == 3
    (trader,) = deployments("trader", ("liquidity.replicas=3",))
    assert trader["spec"]["replicas"] == 1


def test_keda_scales_the_deployment_that_the_operator_makes_and_the_operator_leaves_it() -> None:
    for environment in ("Sandbox", "Production"):
        scaled = the(SCALED, "ScaledObject", f"liquidity-{environment.lower()}")["spec"]
        of = bot(venue={"environment": environment})
        assert scaled["scaleTargetRef"]["name"] == unit(of, "liquidity").name
        (trigger,) = scaled["triggers"]
        prefix = f"{environment.lower()}."
        assert trigger["metadata"]["topic"] == f"{prefix}gemini-feed"
        assert trigger["metadata"]["consumerGroup"] == f"{prefix}liquidity"
    (liquidity,) = deployments("liquidity", SCALED)
    assert "replicas" not in liquidity["spec"]


def test_keda_reads_the_lag_of_secure_brokers_as_liquidity() -> None:
    values = (*SCALED, *SECURE)
    login = the(values, "TriggerAuthentication", "liquidity-lag")["spec"]
    secrets = {item["parameter"]: item for item in login["secretTargetRef"]}
    assert secrets["password"]["name"] == "tradebot-liquidity"
    assert secrets["ca"]["name"] == "tradebot-cluster-ca-cert"
    chosen = the(values, "ConfigMap", "liquidity-lag")["data"]
    assert chosen == {"username": "tradebot-liquidity", "sasl": "scram_sha512", "tls": "enable"}
    kafka = the(values, "Kafka", "tradebot")["spec"]["kafka"]
    assert "keda" in str(kafka["listeners"][0]["networkPolicyPeers"])


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("liquidity.keda.maxReplicas=9", "a pod beyond the partitions has nothing to read"),
        ("liquidity.keda.minReplicas=5", "above liquidity.keda.maxReplicas"),
    ],
)
def test_a_number_of_pods_that_makes_no_sense_is_refused(value: str, sentence: str) -> None:
    answer = helm("template", "t", "charts/tradebot", "--set", f"{SCALED[0]},{value}")
    assert answer.returncode != 0 and sentence in answer.stderr


def test_a_priority_class_is_every_pod_s_and_an_own_one_takes_precedence() -> None:
    values = (
        "scheduling.priorityClassName=money",
        "emulator.enabled=true",
        "operator.extras.pod.priorityClassName=high",
    )
    found = {name: spec["priorityClassName"] for name, spec in pods(render(*values))}
    assert found.pop("Deployment/tradebot-operator") == "high"
    assert set(found.values()) == {"money"}
    for stage in ("ingest", "trader"):
        (made,) = deployments(stage, values)
        assert made["spec"]["template"]["spec"]["priorityClassName"] == "money"
    (made,) = deployments("trader", (*values, "stages.trader.pod.priorityClassName=top"))
    assert made["spec"]["template"]["spec"]["priorityClassName"] == "top"


def test_the_pods_of_a_stage_are_spread_over_the_labels_that_the_values_list() -> None:
    (trader,) = deployments("trader", ("scheduling.spreadOver={topology.kubernetes.io/zone}",))
    (rule,) = trader["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert rule["topologyKey"] == "topology.kubernetes.io/zone"
    assert rule["labelSelector"] == {"matchLabels": {"tradebot.dev/stage": "trader"}}
    (plain,) = deployments("trader", ())
    assert "topologySpreadConstraints" not in plain["spec"]["template"]["spec"]
