"""A Kafka broker inside this process, for one machine without any installation.

librdkafka's mock cluster speaks Kafka's protocol on a port, so other processes use it like any
broker. It keeps records in memory (about 5 MB per partition, then drops the oldest) and creates a
topic when a client first requests it.
"""

from typing import Any

from confluent_kafka import Producer


class EmbeddedBroker:
    """A broker that runs from construction until `close`."""

    def __init__(self, partitions: int = 4) -> None:
        config: dict[str, Any] = {
            "test.mock.num.brokers": 1,
            "bootstrap.servers": "mock",
            "log_level": 3,
        }
        self._host: Producer | None = Producer(config)
        brokers = self._host.list_topics(timeout=10).brokers.values()
        self.address = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    def close(self) -> None:
        """Stops the broker and drops its records."""
        self._host = None
