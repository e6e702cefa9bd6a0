"""Who is in a consumer group, seen by a client that is not a member."""

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tradebot.platform.kafka import client_config
from tradebot.platform.settings import StageSettings

TIMEOUT = 5.0
"""Seconds that the broker has for an answer."""


class GroupView:
    """The members of a group, as its broker names them."""

    def __init__(self, settings: StageSettings, group: str) -> None:
        self._group = group
        # librdkafka would write a line to stderr for each of its tries.
        self._admin = AdminClient(client_config(settings) | {"log_level": 0})

    def holder(self, instance: str) -> str | None:
        """The id of the member that has the fixed identity `instance`; `None` if none has it.

        Raises:
            KafkaException: the broker did not respond. Blocks until it does, or time is up.
        """
        asked = self._admin.describe_consumer_groups([self._group], request_timeout=TIMEOUT)
        found = asked[self._group].result(2 * TIMEOUT)
        return next(
            (one.member_id for one in found.members if one.group_instance_id == instance), None
        )

    def answers(self) -> bool:
        """A broker responds. Blocks until it does, or time is up."""
        try:
            self._admin.list_topics(timeout=TIMEOUT)
        except KafkaException:
            return False
        return True
