"""Kafka topics, producers and consumers, configured the same way for all stages.

Producers are idempotent and wait for all replicas: nothing acknowledged is lost. Consumers read
only committed records and never commit automatically: an offset is committed after its effect is
durable.
"""

import contextlib
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tradebot.platform import logs
from tradebot.platform.settings import SettingsError, StageSettings

log = logs.get(__name__)

COMPLAINTS_SECONDS = 60.0
"""A client that cannot reach its brokers logs it once per this interval, not at each try."""

PARTITIONS = 4
"""Partitions of a topic on one machine; a cluster's are set by its chart."""

EMBEDDED_FETCH_MS = 20
"""How long the embedded broker delays a fetch, and so the most that a record is late."""


class KafkaUnreachableError(SettingsError):
    """No broker responds at the address that the settings name."""

    exit_code = 3


def client_config(settings: StageSettings) -> dict[str, Any]:
    """Returns the configuration shared by all clients of the settings' brokers.

    Raises:
        SettingsError: the password's file does not exist.
    """
    config: dict[str, Any] = {
        "bootstrap.servers": settings.kafka,
        "security.protocol": settings.kafka_security,
        "reconnect.backoff.max.ms": 2000,
        "log_level": 3,
    }
    if settings.kafka_ca_file:
        config["ssl.ca.location"] = settings.kafka_ca_file
    if settings.kafka_security.startswith("SASL"):
        config |= {
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": settings.kafka_username,
            "sasl.password": password(settings),
        }
    return config


def password(settings: StageSettings) -> str:
    """Reads the user's password from its file.

    Raises:
        SettingsError: the file does not exist.
    """
    try:
        return Path(settings.kafka_password_file).read_text().strip()
    except OSError as error:
        raise SettingsError(
            f"kafka_password_file is {settings.kafka_password_file!r}: {error.strerror}; set it "
            "to the path of a file with the password"
        ) from None


class Complaints:
    """Logs a client's broker errors, each at most once per `COMPLAINTS_SECONDS`.

    librdkafka itself would write a line at each try, twenty a second.
    """

    def __init__(self) -> None:
        self._told: dict[int, float] = {}

    def __call__(self, error: KafkaError) -> None:
        """Logs the error unless a similar one was logged recently."""
        now = time.monotonic()
        last = self._told.get(error.code())
        if last is None or now - last >= COMPLAINTS_SECONDS:
            self._told[error.code()] = now
            log.warning("Kafka error", why=error.str())


def producer(settings: StageSettings, **overrides: Any) -> Producer:
    """Returns a producer that neither loses nor duplicates; overrides use librdkafka's names."""
    return Producer(
        client_config(settings)
        | {
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 5,
            "compression.type": "none" if settings.kafka_embedded else "lz4",
            "log_level": 0,
            "error_cb": Complaints(),
        }
        | overrides
    )


def consumer(settings: StageSettings, group: str, **overrides: Any) -> Consumer:
    """Returns a consumer of committed records from the earliest, without automatic commits."""
    return Consumer(
        client_config(settings)
        | {
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "fetch.queue.backoff.ms": 5,
            # The embedded broker waits the whole time even if records have come.
            "fetch.wait.max.ms": EMBEDDED_FETCH_MS if settings.kafka_embedded else 500,
            "allow.auto.create.topics": True,
            "topic.metadata.refresh.interval.ms": 5000,
            # How soon the next member takes over after a kill; brokers allow no less.
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 1500,
            "log_level": 0,
            "error_cb": Complaints(),
        }
        | overrides
    )


def wait_for_broker(settings: StageSettings, seconds: float = 10) -> None:
    """Waits for a broker.

    Raises:
        KafkaUnreachableError: none responded within `seconds`.
    """
    refusals: list[str] = []

    def on_error(error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            refusals.append(error.str().partition(" (after ")[0])

    # librdkafka would write a line to stderr for each try.
    config = client_config(settings) | {"log_level": 0, "error_cb": on_error}
    admin = AdminClient(config)
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        # In short calls: Python handles a signal only between them.
        with contextlib.suppress(KafkaException):
            admin.list_topics(timeout=min(2.0, left))
            return
    admin.poll(0)
    why = f" ({refusals[0]})" if refusals else ""
    raise KafkaUnreachableError(
        f"no Kafka broker responds at {settings.kafka}{why}: start one there, or set its address "
        "with --kafka or TRADEBOT_KAFKA (`tradebot demo` has its own)"
    )


def ensure_topics(
    settings: StageSettings,
    names: Iterable[str],
    *,
    partitions: int = PARTITIONS,
    replication: int = -1,
    config: Mapping[str, str] | None = None,
) -> None:
    """Creates missing topics, before a client creates them with one partition.

    `config` holds Kafka's own settings, such as `retention.ms`, for new topics. If the brokers or
    the user's rights do not allow it, the topics must exist already.

    Raises:
        KafkaUnreachableError: no broker responds.
        SettingsError: a topic could not be created.
    """
    wait_for_broker(settings)
    admin = AdminClient(client_config(settings))
    if settings.kafka_embedded:
        for name in names:
            admin.list_topics(name, timeout=10)
        return
    present = admin.list_topics(timeout=10).topics
    missing = [name for name in names if name not in present]
    if not missing:
        return
    made = dict(config or {})
    wanted = [NewTopic(name, partitions, replication, config=made) for name in missing]
    for name, created in admin.create_topics(wanted).items():
        try:
            created.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise SettingsError(
                    f"topic {name} does not exist and cannot be created: {error}"
                ) from None
