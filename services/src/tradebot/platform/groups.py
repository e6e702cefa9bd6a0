"""The members of a consumer group, read by a client that is not a member."""

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tradebot.platform.kafka import client_config
from tradebot.platform.settings import StageSettings

TIMEOUT = 5.0
"""Seconds to wait for the broker."""


class GroupView:
    """The members of a group, as its broker reports them."""

    def __init__(self, settings: StageSettings, group: str) -> None:
        self._group = group
        # librdkafka would write a line to stderr for each try.
        self._admin = AdminClient(client_config(settings) | {"log_level": 0})

    def holder(self, instance: str) -> str | None:
        """Returns the id of the member with the static identity `instance`; `None` if none has it.

        Raises:
            KafkaException: the broker did not respond within `TIMEOUT`. Blocks until then.
        """
        asked = self._admin.describe_consumer_groups([self._group], request_timeout=TIMEOUT)
        found = asked[self._group].result(2 * TIMEOUT)
        return next(
            (one.member_id for one in found.members if one.group_instance_id == instance), None
        )

    def responds(self) -> bool:
        """Whether a broker responds. Blocks for at most `TIMEOUT`."""
        try:
            self._admin.list_topics(timeout=TIMEOUT)
        except KafkaException:
            return False
        return True
