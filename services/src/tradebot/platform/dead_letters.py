"""Dead letters: records that a stage rejects go to a topic with the reason, and are counted.

Every stage writes its dead letters here. A stage that commits in transactions uses `message` and
sends it with its results; the others use `DeadLetters`.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from confluent_kafka import KafkaError, Message

from tradebot.platform import exactly_once, kafka, logs, metrics
from tradebot.platform.settings import StageSettings
from tradebot.platform.topics import Topics
from tradebot.records import DeadLetter, encode

SEND_MS: Final = 30_000
"""A letter that Kafka has not taken by then counts as refused; `deliver` sends it again."""

_log = logs.get(__name__)


def from_zero(stage: str, topics: Iterable[str]) -> None:
    """Starts the counters of a stage's topics at 0: `increase()` needs a first value."""
    for topic in topics:
        metrics.DEAD_LETTERS.labels(stage, topic)


def note(letters: Sequence[DeadLetter]) -> None:
    """Counts the letters and logs each with its reason."""
    for letter in letters:
        metrics.DEAD_LETTERS.labels(letter.stage, letter.topic).inc()
        _log.warning(
            "wrote a record to the dead letters",
            topic=letter.topic,
            partition=letter.partition,
            offset=letter.offset,
            reason=letter.error,
        )


def message(letter: DeadLetter, topic: str) -> exactly_once.Message:
    """Returns the letter for a transaction; `topic` is the dead-letter topic."""
    return exactly_once.Message(topic, letter.key, encode(letter))


class DeadLetters:
    """Writes a stage's dead letters; only `deliver` waits.

    Args:
        reads: the topics whose records may become dead letters.
    """

    def __init__(self, settings: StageSettings, stage: str, reads: Iterable[str]) -> None:
        self.refusal = ""
        """Why Kafka last refused a letter; empty when all are delivered."""
        self._stage = stage
        self._topic = Topics.of(settings).dead_letters
        self._producer = kafka.producer(settings, **{"message.timeout.ms": SEND_MS})
        self._refused: list[DeadLetter] = []
        from_zero(stage, reads)

    def put(
        self, topic: str, partition: int, offset: int, *, value: bytes | None, reason: str
    ) -> None:
        """Sends the record at that position to the dead letters."""
        letter = DeadLetter.of(
            topic, partition, offset, stage=self._stage, error=reason, value=value or b""
        )
        note([letter])
        self._send(letter)

    def put_message(self, message: Message, reason: str) -> None:
        """Sends a consumer's record to the dead letters."""
        self.put(
            message.topic() or "",
            message.partition() or 0,
            message.offset() or 0,
            value=message.value(),
            reason=reason,
        )

    def deliver(self, seconds: float) -> bool:
        """Sends refused letters again and waits; returns whether Kafka has taken all of them."""
        refused, self._refused = self._refused, []
        for letter in refused:
            self._send(letter)
        waiting = self._producer.flush(seconds)
        if not waiting and not self._refused:
            self.refusal = ""
            return True
        return False

    def poll(self) -> None:
        """Handles delivery reports without waiting."""
        self._producer.poll(0)

    def _send(self, letter: DeadLetter) -> None:
        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                self._refused.append(letter)
                self.refusal = f"{self._topic} does not accept records: {error.str()}"

        try:
            self._producer.produce(
                self._topic, key=letter.key, value=encode(letter), on_delivery=delivered
            )
        except BufferError:
            self._refused.append(letter)
            self.refusal = f"too many records are waiting for {self._topic}"
        self._producer.poll(0)
