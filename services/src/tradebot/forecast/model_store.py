"""Where a model is kept between two runs: a file, or a topic that outlives the pod."""

import hashlib
from pathlib import Path
from typing import Final, Protocol

import msgspec
from confluent_kafka import KafkaException, Producer

from tradebot.forecast import model_file
from tradebot.forecast.model_file import ModelCard, ModelFileError
from tradebot.forecast.settings import ForecastSettings
from tradebot.platform import exactly_once, logs
from tradebot.platform.topic import key_of, messages
from tradebot.platform.topics import Topics

PART: Final = 512 * 1024
"""Bytes of a message: Kafka takes less than a mebibyte."""
LARGEST: Final = 128
"""Parts of a model at most: 64 MiB."""

log = logs.get(__name__)


class ModelStore(Protocol):
    """Keeps one model: its card, and its own bytes."""

    def load(self) -> tuple[ModelCard, bytes] | None:
        """Returns the model; `None` if there is none.

        Raises:
            SettingsError: what is kept is not a model.
        """
        ...

    def save(self, card: ModelCard, state: bytes) -> None:
        """Keeps this model instead of the last one."""
        ...


class FolderStore:
    """A file, replaced atomically."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> tuple[ModelCard, bytes] | None:
        """See `ModelStore`."""
        return model_file.load(self._path) if self._path.exists() else None

    def save(self, card: ModelCard, state: bytes) -> None:
        """See `ModelStore`."""
        model_file.save(self._path, card, state)


class _Part(msgspec.Struct, frozen=True):
    """The first line of a message: which model, how many parts it has, and which this is."""

    digest: str
    parts: int
    part: int


class TopicStore:
    """The compacted topic `models`: a message for each part, all written in one transaction."""

    def __init__(self, settings: ForecastSettings) -> None:
        self._settings = settings
        self._topic = Topics.of(settings).models
        self._name = "/".join(filter(None, (settings.symbol, settings.model, settings.forecaster)))
        self._producer: Producer | None = None

    def load(self) -> tuple[ModelCard, bytes] | None:
        """See `ModelStore`. An incomplete model counts as none.

        Raises:
            SettingsError: what is kept is not a model.
            KafkaException: the brokers do not respond.
        """
        prefix, found, last = f"{self._name}/".encode(), dict[str, dict[int, bytes]](), None
        for message in messages(self._settings, self._topic, "models"):
            if not key_of(message).startswith(prefix):
                continue
            line, _, body = (message.value() or b"").partition(b"\n")
            try:
                head = msgspec.json.decode(line, type=_Part)
            except msgspec.DecodeError:
                continue
            found.setdefault(head.digest, {})[head.part] = body
            if last is None or head.part == 0:
                last = head
        if last is None:
            return None
        parts = found[last.digest]
        whole = b"".join(parts[number] for number in sorted(parts) if number < last.parts)
        if hashlib.sha256(whole).hexdigest() != last.digest:
            log.warning("the kept model is incomplete", parts=len(parts), of=last.parts)
            return None
        line, _, state = whole.partition(b"\n")
        try:
            return msgspec.json.decode(line, type=ModelCard), state
        except msgspec.DecodeError as error:
            raise ModelFileError(f"{self._topic} {self._name} is not a model: {error}") from None

    def save(self, card: ModelCard, state: bytes) -> None:
        """See `ModelStore`. A model that cannot be kept now is used all the same."""
        whole = msgspec.json.encode(card) + b"\n" + state
        count = -(-len(whole) // PART)
        if count > LARGEST:
            log.warning("the model is too large to be kept", bytes=len(whole))
            return
        named = hashlib.sha256(whole).hexdigest()
        sent = [
            exactly_once.Message(
                self._topic,
                f"{self._name}/{number}".encode(),
                msgspec.json.encode(_Part(named, count, number))
                + b"\n"
                + whole[number * PART : (number + 1) * PART],
                0,
            )
            for number in range(count)
        ]
        try:
            if self._producer is None:
                name = f"{self._settings.topic_prefix}forecast-model-{self._name}"
                self._producer = exactly_once.publisher(self._settings, name)
            exactly_once.publish(self._settings, self._producer, sent)
        except KafkaException as error:
            self._producer = None
            log.warning("the model is not kept", why=str(error))
