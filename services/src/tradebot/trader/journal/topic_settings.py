"""Kafka's settings of a journal's topic, and their check.

A journal is only as durable as its topic: a retention time or compaction deletes entries silently.
"""

from collections.abc import Mapping
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ClusterMetadata,
    ConfigResource,
    ResourceType,
)

from tradebot.platform import logs
from tradebot.platform.kafka import client_config
from tradebot.platform.settings import StageSettings
from tradebot.trader.journal.store import JournalError, UnusableJournalError

LARGEST_BYTES: Final = 16 * 1024 * 1024
"""Largest entry: a snapshot contains the whole account, with all its recent orders and fills."""

KEPT: Final[Mapping[str, str]] = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
}
"""With these settings only the trader deletes entries, namely those that a snapshot replaced."""

CREATED: Final[Mapping[str, str]] = {**KEPT, "max.message.bytes": str(LARGEST_BYTES)}

TIMEOUT: Final = 10.0

_log = logs.get(__name__)


def check_topic(settings: StageSettings, topic: str) -> None:
    """Checks that no setting of the topic can lose entries; logs a warning if one cannot be read.

    Raises:
        UnusableJournalError: a setting can lose entries; says which, and how to change it.
        JournalError: the brokers do not respond.
    """
    admin = AdminClient(client_config(settings))
    found = _metadata(admin, topic)
    partitions = found.topics[topic].partitions
    if len(partitions) > 1:
        raise UnusableJournalError(
            f"topic {topic} has {len(partitions)} partitions: a journal needs exactly one, or its "
            "entries lose their order. Back it up with `tradebot journal backup`, delete the "
            "topic, and restore it"
        )
    replicas = _replicas(found, topic)
    if replicas == 1 and len(found.brokers) > 1:
        _log.warning(
            "the journal has one replica: it is lost with its broker; add replicas with "
            "kafka-reassign-partitions",
            topic=topic,
            brokers=len(found.brokers),
        )
    wrong = _wrong(admin, topic)
    if wrong:
        is_wrong = ", ".join(f"{name} is {value}" for name, value in wrong.items())
        right = ",".join(f"{name}={KEPT[name]}" for name in wrong)
        raise UnusableJournalError(
            f"topic {topic} can lose entries of the journal: {is_wrong}. Correct it with "
            f"kafka-configs --alter --entity-type topics --entity-name {topic} "
            f"--add-config {right}"
        )


def replicas_of(settings: StageSettings, topic: str) -> int:
    """How many brokers hold the topic.

    Raises:
        JournalError: the brokers do not respond.
    """
    return _replicas(_metadata(AdminClient(client_config(settings)), topic), topic)


def _metadata(admin: AdminClient, topic: str) -> ClusterMetadata:
    try:
        return admin.list_topics(topic, timeout=TIMEOUT)
    except KafkaException as error:
        raise JournalError(f"cannot check the journal {topic}: {error}") from None


def _replicas(found: ClusterMetadata, topic: str) -> int:
    partitions = found.topics[topic].partitions.values()
    return min((len(each.replicas) for each in partitions), default=1)


def _wrong(admin: AdminClient, topic: str) -> dict[str, str]:
    """Returns the settings that differ from `KEPT`, with their values."""
    resource = ConfigResource(ResourceType.TOPIC, topic)
    try:
        found = admin.describe_configs([resource])[resource].result(TIMEOUT)
    except (KafkaException, TimeoutError) as error:
        _log.warning("cannot check the settings of the journal", topic=topic, reason=repr(error))
        return {}
    values = {name: str(found[name].value) for name in KEPT if name in found}
    return {name: value for name, value in values.items() if value != KEPT[name]}
