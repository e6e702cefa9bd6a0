"""The children of every unit: a ConfigMap named by its content, and a Deployment of one pod."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tradebot_operator.builders.overlay import overlaid, with_template
from tradebot_operator.naming import EGRESS, STAGE, UNIT, digest, labels
from tradebot_operator.resource import StagePod, TradeBot
from tradebot_operator.settings import Credential, OperatorSettings
from tradebot_operator.units import Unit, topic_prefix

Manifest = dict[str, Any]

USER = 10001
_FIXED_USER = {"runAsUser": USER, "runAsGroup": USER, "fsGroup": USER}
METRICS_PORT = 9090
STATE_FOLDER = "/var/lib/tradebot"
KAFKA_FOLDER = "/etc/tradebot/kafka"
KEYS_FOLDER = "/etc/tradebot/keys"
HISTORY_FOLDER = "/var/lib/tradebot-history"
OWNERS = 3
"""Number of bots that own a shared child: the oldest of those that need it.

The garbage collector keeps an object while one owner lives, so children are deleted with the bots
even while no operator runs. With a thousand owners, every new bot would rewrite the list."""


class Mount(msgspec.Struct, frozen=True):
    """A volume and its mount path."""

    name: str
    path: str
    source: dict[str, Any]
    read_only: bool = True


class PodPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a unit's pod has in addition to every stage's pod."""

    unit: Unit
    namespace: str
    owners: tuple[dict[str, Any], ...]
    image: str
    config: Mapping[str, str]
    mounts: tuple[Mount, ...] = ()
    env: tuple[dict[str, Any], ...] = ()
    egress: str = ""
    service_account: str = ""
    replicas: int | None = 1
    """`None` leaves their number to an autoscaler."""
    web_port: int = 0
    """Port of the stage's own pages; 0 if it has none."""
    spread: bool = False
    """Whether its pods must be on different nodes, and if possible in different zones."""
    grace_seconds: int = 30
    annotations: Mapping[str, str] = {}
    asked: StagePod = StagePod()
    """What the bot asks for its pod, over the release's settings."""


def common_config(settings: OperatorSettings, unit: Unit, namespace: str) -> dict[str, str]:
    """Returns the variables of every stage, by field of its settings."""
    config = {
        "kafka": settings.kafka.bootstrap,
        "kafka_security": settings.kafka.security,
        "topic_prefix": topic_prefix(settings, namespace, unit.environment, unit.venue),
        "http_host": "*",  # IPv4 and IPv6
        "http_port": str(METRICS_PORT),
        "log_format": "json",
        "log_level": settings.log_level,
    }
    if unit.environment == "Emulator":
        config["speed"] = f"{settings.emulator.speed:g}"
    credential = settings.credential(unit.stage)
    if credential:
        config["kafka_username"] = credential.username
        config["kafka_password_file"] = f"{KAFKA_FOLDER}/password"
    if settings.kafka.ca_secret:
        config["kafka_ca_file"] = f"{KAFKA_FOLDER}/ca.crt"
    return config


def venue_config(settings: OperatorSettings, unit: Unit) -> dict[str, str]:
    """Returns the further variables of a stage that connects to the venue."""
    config = {"symbol": unit.symbol, "venue": unit.venue, "environment": unit.environment}
    if unit.environment == "Emulator" and settings.emulator.url:
        config["emulator_url"] = settings.emulator.url
    return config


def shared_owners(bots: Sequence[TradeBot]) -> tuple[dict[str, Any], ...]:
    """Returns the owner references of a shared child of `bots`, oldest first."""
    return tuple(
        bot.reference | {"controller": False, "blockOwnerDeletion": False} for bot in bots[:OWNERS]
    )


def children(plan: PodPlan, settings: OperatorSettings) -> list[Manifest]:
    """Returns the unit's ConfigMap and Deployment."""
    config = config_map(plan)
    return [config, deployment(plan, settings, config["metadata"]["name"])]


def config_map(plan: PodPlan) -> Manifest:
    """Returns the ConfigMap of the stage's variables.

    It is immutable and its name contains a hash of them. A pod that restarts finds the variables
    that it was started with, and a change of any variable restarts only this stage.
    """
    level = {"log_level": plan.asked.log_level} if plan.asked.log_level else {}
    config = {**plan.config, **level}
    data = {f"TRADEBOT_{field.upper()}": value for field, value in config.items()}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(plan, f"{plan.unit.name}-{digest(data)}"),
        "immutable": True,
        "data": data,
    }


def metadata(plan: PodPlan, name: str) -> Manifest:
    """Returns a child's metadata."""
    return {
        "name": name,
        "namespace": plan.namespace,
        "labels": _labels(plan),
        "ownerReferences": list(plan.owners),
    }


def deployment(plan: PodPlan, settings: OperatorSettings, config_name: str) -> Manifest:
    """Returns a Deployment of one pod, since most are sole writers, or of as many as are planned.

    Old pods are gone before new ones start, so two configurations never run at the same time.
    """
    template = settings.template(plan.unit.stage)
    pod_labels = dict(template.labels) | _labels(plan)
    if plan.egress:
        pod_labels[EGRESS] = plan.egress
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(plan, plan.unit.name),
        "spec": {
            **({} if plan.replicas is None else {"replicas": plan.replicas}),
            "revisionHistoryLimit": 2,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {UNIT: plan.unit.name}},
            "template": {
                "metadata": {
                    "labels": pod_labels,
                    "annotations": _scraped(settings)
                    | dict(template.annotations)
                    | dict(plan.annotations),
                },
                "spec": with_template(_pod(plan, settings, config_name), template),
            },
        },
    }


def _scraped(settings: OperatorSettings) -> dict[str, str]:
    """Returns annotations for a Prometheus without its own operator."""
    if not settings.scrape_annotations:
        return {}
    return {
        "prometheus.io/scrape": "true",
        "prometheus.io/path": "/metrics",
        "prometheus.io/port": str(METRICS_PORT),
    }


def _labels(plan: PodPlan) -> dict[str, str]:
    unit = plan.unit
    return labels(
        unit=unit.name,
        stage=unit.stage,
        symbol=unit.symbol,
        environment=unit.environment,
        bot=unit.bot,
    )


def _pod(plan: PodPlan, settings: OperatorSettings, config_name: str) -> Manifest:
    mounts = (*_standard_mounts(settings, plan.unit.stage), *plan.mounts)
    pod: Manifest = {
        "automountServiceAccountToken": bool(plan.service_account),
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": plan.grace_seconds,
        "securityContext": {
            "runAsNonRoot": True,
            **(_FIXED_USER if settings.fixed_user else {}),
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(plan, settings, config_name, mounts)],
        "volumes": [{"name": mount.name} | mount.source for mount in mounts],
    }
    if plan.spread:
        pod |= _spread(plan)
    if settings.scheduling.priority_class_name:
        pod["priorityClassName"] = settings.scheduling.priority_class_name
    if over := _spread_over(plan, settings, pod.get("topologySpreadConstraints", [])):
        pod["topologySpreadConstraints"] = over
    if plan.service_account:
        pod["serviceAccountName"] = plan.service_account
    if settings.images.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in settings.images.pull_secrets]
    return pod


def _spread(plan: PodPlan) -> Manifest:
    """Returns constraints so that the loss of a node, or better a zone, affects only one pod."""
    selector = {"matchLabels": {UNIT: plan.unit.name}}
    apart = {"topologyKey": "kubernetes.io/hostname", "labelSelector": selector}
    zones = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": selector,
    }
    return {
        "affinity": {
            "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}
        },
        "topologySpreadConstraints": [zones],
    }


def _spread_over(plan: PodPlan, settings: OperatorSettings, own: list[Manifest]) -> list[Manifest]:
    """Returns the unit's own constraints, and those over the chart's labels for the whole stage."""
    taken = {each["topologyKey"] for each in own}
    return own + [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {STAGE: plan.unit.stage}},
        }
        for key in settings.scheduling.spread_over
        if key not in taken
    ]


def _container(
    plan: PodPlan, settings: OperatorSettings, config_name: str, mounts: tuple[Mount, ...]
) -> Manifest:
    template = settings.template(plan.unit.stage)
    return {
        "name": plan.unit.stage,
        "image": plan.image,
        "imagePullPolicy": settings.images.pull_policy,
        "args": [plan.unit.stage],
        "envFrom": [{"configMapRef": {"name": config_name}}],
        "env": list(plan.env),
        "ports": [
            {"name": name, "containerPort": port, "protocol": "TCP"}
            for name, port in (("http", METRICS_PORT), ("web", plan.web_port))
            if port
        ],
        "resources": overlaid(template.resources, plan.asked.resources),
        "startupProbe": _probe("/livez", period=2, failures=60),
        "livenessProbe": _probe("/livez", period=10, failures=3),
        "readinessProbe": _probe("/readyz", period=3, failures=2),
        # The last lines of a failed container become the reason in the TradeBot.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": mount.name, "mountPath": mount.path}
            | ({"readOnly": True} if mount.read_only else {})
            for mount in mounts
        ],
    }


def _probe(path: str, *, period: int, failures: int) -> Manifest:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }


def _standard_mounts(settings: OperatorSettings, stage: str) -> tuple[Mount, ...]:
    mounts = [
        Mount("tmp", "/tmp", {"emptyDir": {}}, read_only=False),  # noqa: S108  # the pod's own
        Mount("state", STATE_FOLDER, {"emptyDir": {}}, read_only=False),
    ]
    sources = _kafka_sources(settings, settings.credential(stage))
    if sources:
        # One projected volume: a Secret's rotated password reaches the file.
        projected = {"projected": {"defaultMode": 0o440, "sources": sources}}
        mounts.append(Mount("kafka", KAFKA_FOLDER, projected))
    return tuple(mounts)


def _kafka_sources(settings: OperatorSettings, credential: Credential | None) -> list[Manifest]:
    sources: list[Manifest] = []
    if credential:
        items = [{"key": credential.secret_key, "path": "password"}]
        sources.append({"secret": {"name": credential.secret_name, "items": items}})
    if settings.kafka.ca_secret:
        items = [{"key": settings.kafka.ca_key, "path": "ca.crt"}]
        sources.append({"secret": {"name": settings.kafka.ca_secret, "items": items}})
    return sources
