"""The operator's settings from the chart: one JSON file, so that one hash shows any change."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

CONFIG_VARIABLE = "TRADEBOT_OPERATOR_CONFIG"

Environment = Literal["Emulator", "Sandbox", "Production"]


class ConfigError(Exception):
    """The configuration file is invalid; the message says what to do."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    pass


class Images(_Part, frozen=True, kw_only=True):
    """Where the stages' images are."""

    services: str
    forecast: str
    pull_policy: str = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()


class Credential(_Part, frozen=True, kw_only=True):
    """A Kafka user, with the Secret and key that hold its password."""

    username: str
    secret_name: str
    secret_key: str = "password"  # noqa: S105  # the key's name, not a password


class Kafka(_Part, frozen=True, kw_only=True):
    """The brokers; credentials by stage, with `default` for a stage without its own."""

    bootstrap: str
    security: str = "PLAINTEXT"
    ca_secret: str = ""
    ca_key: str = "ca.crt"
    credentials: dict[str, Credential] = {}
    ephemeral: bool = False
    """Whether the brokers lose their data with their pods."""


class Emulator(_Part, frozen=True, kw_only=True):
    """The exchange in the cluster."""

    url: str = ""
    speed: float = 1.0


class StageTemplate(_Part, frozen=True, kw_only=True):
    """What a stage's pods get in addition to the operator's own."""

    resources: dict[str, Any] = {}
    env: dict[str, str | dict[str, Any]] = {}
    """Variables by name: a text, or an object with `valueFrom`."""
    env_from: tuple[dict[str, Any], ...] = ()
    volumes: tuple[dict[str, Any], ...] = ()
    volume_mounts: tuple[dict[str, Any], ...] = ()
    sidecars: tuple[dict[str, Any], ...] = ()
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    pod: dict[str, Any] = {}
    """Merged into the pod's spec: nodeSelector, tolerations, affinity, priorityClassName …"""


class Liquidity(_Part, frozen=True, kw_only=True):
    """Pods of each liquidity unit; `scaled` if an autoscaler sets their number."""

    replicas: int = 1
    scaled: bool = False
    web_port: int = 0
    """Port of Faust's own pages; 0 turns them off."""


class Scheduling(_Part, frozen=True, kw_only=True):
    """Where the cluster places the pods of all stages, and which it prefers."""

    priority_class_name: str = ""
    spread_over: tuple[str, ...] = ()
    """Node labels over which the pods of each stage are spread."""


class OperatorSettings(_Part, frozen=True, kw_only=True):
    """All settings of the operator. Times are in seconds."""

    namespace: str
    images: Images
    kafka: Kafka
    watch_namespaces: tuple[str, ...] = ()
    environments: tuple[Environment, ...] = ("Emulator", "Sandbox")
    topic_prefix: str = ""
    emulator: Emulator = Emulator()
    stages: dict[str, StageTemplate] = {}
    liquidity: Liquidity = Liquidity()
    scheduling: Scheduling = Scheduling()
    model_store: Literal["topic", "folder"] = "topic"
    """Where models that are trained at intervals are kept."""
    fixed_user: bool = True
    """Whether pods run as a user of our choice; OpenShift chooses one itself."""
    scrape_annotations: bool = False
    """Whether annotations on the stages' pods tell Prometheus where the metrics are."""
    log_level: str = "info"
    resync_seconds: float = 300.0
    workers: int = 16
    flatten_seconds: float = 60.0
    http_port: int = 9090

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces whose TradeBots are served."""
        return self.watch_namespaces or (self.namespace,)

    def template(self, stage: str) -> StageTemplate:
        """Returns what the stage's pods get in addition to the operator's own."""
        return self.stages.get(stage, StageTemplate())

    def credential(self, stage: str) -> Credential | None:
        """Returns the stage's Kafka user, or `None` if the brokers require none."""
        return self.kafka.credentials.get(stage) or self.kafka.credentials.get("default")


def load(environment: Mapping[str, str] | None = None) -> OperatorSettings:
    """Reads the settings from the file in TRADEBOT_OPERATOR_CONFIG.

    Raises:
        ConfigError: no file is named, it does not exist, or it is invalid.
    """
    environment = os.environ if environment is None else environment
    name = environment.get(CONFIG_VARIABLE, "")
    if not name:
        raise ConfigError(
            f"set {CONFIG_VARIABLE} to the path of the operator's configuration file (JSON)"
        )
    try:
        return msgspec.json.decode(Path(name).read_bytes(), type=OperatorSettings)
    except OSError as error:
        raise ConfigError(f"{name}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise ConfigError(f"{name} is not the operator's configuration: {error}") from None
