"""Kafka: topics, producers and consumers, set up in one way for all stages.

Producers are idempotent and wait for all replicas: nothing acknowledged is lost. Consumers read
committed records only and never commit by themselves: an offset is committed after its effect is
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
"""A client that cannot reach its brokers says so again after so many seconds, not at each try."""

PARTITIONS = 4
"""Partitions of a topic on one machine; a cluster's are set by its chart."""

EMBEDDED_FETCH_MS = 20
"""How long a fetch of the embedded broker waits, and so how late a record arrives at most."""


class KafkaUnreachableError(SettingsError):
    """No broker responds at the address that the settings name."""

    exit_code = 3


def client_config(settings: StageSettings) -> dict[str, Any]:
    """What every client of the settings' brokers is made with.

    Raises:
        SettingsError: the password's file is not there.
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
    """The user's password, from its file.

    Raises:
        SettingsError: the file is not there.
    """
    try:
        return Path(settings.kafka_password_file).read_text().strip()
    except OSError as error:
        raise SettingsError(
            f"kafka_password_file is {settings.kafka_password_file!r}: {error.strerror}; set it "
            "to the path of a file with the password"
        ) from None


class Complaints:
    """What a client hears of its brokers, told once in a while.

    librdkafka itself would write a line at each of its tries, twenty a second.
    """

    def __init__(self) -> None:
        self._told: dict[int, float] = {}

    def __call__(self, error: KafkaError) -> None:
        """Logs the error unless its like was told lately."""
        now = time.monotonic()
        last = self._told.get(error.code())
        if last is None or now - last >= COMPLAINTS_SECONDS:
            self._told[error.code()] = now
            log.warning("Kafka error", why=error.str())


def producer(settings: StageSettings, **overrides: Any) -> Producer:
    """A producer that loses and doubles nothing; overrides use librdkafka's names."""
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
    """A consumer of committed records from the earliest; it never commits by itself."""
    return Consumer(
        client_config(settings)
        | {
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "fetch.queue.backoff.ms": 5,
            # The embedded broker lets a fetch wait its time out, though records have come.
            "fetch.wait.max.ms": EMBEDDED_FETCH_MS if settings.kafka_embedded else 500,
            "allow.auto.create.topics": True,
            "topic.metadata.refresh.interval.ms": 5000,
            # After a kill the next of the group takes over so soon; brokers allow no less.
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 1500,
            "log_level": 0,
            "error_cb": Complaints(),
        }
        | overrides
    )


def wait_for_broker(settings: StageSettings, seconds: float = 10) -> None:
    """Returns when a broker responds.

    Raises:
        KafkaUnreachableError: none did within `seconds`.
    """
    refusals: list[str] = []

    def hear(error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            refusals.append(error.str().partition(" (after ")[0])

    # librdkafka would write a line to stderr for each of its tries.
    config = client_config(settings) | {"log_level": 0, "error_cb": hear}
    admin = AdminClient(config)
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        # In short pieces: a signal is only heard when the client's call is over.
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
    """Creates the topics that are not there, before a client makes them with one partition.

    `config` holds Kafka's own settings of a topic, such as `retention.ms`, for those it creates.
    Where the brokers or the user's rights do not allow it, topics must be there already.

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
