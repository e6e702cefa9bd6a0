"""What was recorded of each bot lately, read from the topics.

The topics outlive every pod, and the job needs no store and no password of one.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from confluent_kafka import Message

from tradebot.backtest.parity.settings import ParitySettings
from tradebot.backtest.replay_command import OF_THE_BOT, leave_out_earlier_fills
from tradebot.platform.kafka import consumer
from tradebot.platform.spans import span_ms
from tradebot.platform.topic import key_of, messages_since, places_at
from tradebot.platform.topics import Topics
from tradebot.plausible import window
from tradebot.plausible.values import symbol_of
from tradebot.records import DocType, Document, LiquidityRecord, decode
from tradebot.window_records import Gatherer

SLACK_MS: Final = 3_600_000
"""Records may reach a topic this much later than the time that they are of."""

Body = dict[str, Any]


class Recorded:
    """The documents of all bots, and the windows of all symbols, each once."""

    def __init__(self) -> None:
        self._documents: dict[str, dict[DocType, dict[str, bytes]]] = {}
        self._windows: dict[str, dict[int, Body]] = {}
        self._gatherer = Gatherer()

    def document(self, value: bytes) -> None:
        """Adds a record of `trade-documents`; a later one of the same id replaces it."""
        try:
            found = decode(value, _Head)
        except msgspec.DecodeError:
            return  # the recorder reports it
        if found.doc_type in OF_THE_BOT:
            kinds = self._documents.setdefault(found.bot, {})
            kinds.setdefault(found.doc_type, {})[found.id] = value

    def window(self, value: bytes, key: bytes) -> None:
        """Adds a record of `faust.out`."""
        try:
            record = decode(value, LiquidityRecord)
        except msgspec.DecodeError:
            return  # the recorder reports it
        symbol = symbol_of(record.symbol, key, "")
        if not symbol or window.fault(record) is not None:
            return
        whole = self._gatherer.add(msgspec.structs.replace(record, symbol=symbol))
        if whole is not None:
            body = {"window_end": whole.end, "ratio": whole.ratio, "complete": whole.complete}
            self._windows.setdefault(symbol, {})[whole.end] = body

    @property
    def bots(self) -> list[str]:
        """The bots that decided, by name."""
        return sorted(bot for bot, kinds in self._documents.items() if DocType.DECISION in kinds)

    def of(self, bot: str, since: int) -> dict[str, list[Body]]:
        """Returns the bot's documents of the `since` milliseconds before its newest decision, by
        kind, in the form of a store's."""
        kinds = self._documents[bot]
        decisions = _bodies(kinds[DocType.DECISION].values())
        start = max(int(each["ts"]) for each in decisions) - since
        found = {
            str(kind): [
                body for body in _bodies(kinds.get(kind, {}).values()) if int(body["ts"]) >= start
            ]
            for kind in OF_THE_BOT
        }
        leave_out_earlier_fills(found)
        symbol = str(decisions[-1]["symbol"])
        found[DocType.LIQUIDITY] = list(self._windows.get(symbol, {}).values())
        return found


class _Head(msgspec.Struct, frozen=True):
    id: str
    doc_type: DocType
    bot: str


def _bodies(values: Iterable[bytes]) -> list[Body]:
    return [stored_form(decode(value, Document)) for value in values]


def stored_form(document: Document) -> Body:
    """Returns the fields of a stored document, with its id as `_id`."""
    head: Mapping[str, Any] = {
        "_id": document.id,
        "bot": document.bot,
        "symbol": document.symbol,
        "ts": document.ts,
    }
    return {**head, **document.body}


def read(settings: ParitySettings) -> Recorded:
    """Reads what the topics have of the settings' span.

    Windows are read last, so that no decision lacks its own.

    Raises:
        KafkaException: the brokers do not respond.
    """
    recorded, topics = Recorded(), Topics.of(settings)
    # Where the venue's time runs faster, the span is shorter in real time.
    since = int(time.time() * 1000) - span_ms(settings.since) - SLACK_MS
    reader = consumer(settings, f"{settings.topic_prefix}parity", **{"enable.partition.eof": True})

    def of(topic: str) -> Iterable[Message]:
        # The embedded broker finds no offset by time.
        places = {} if settings.kafka_embedded else places_at(reader, topic, since)
        return messages_since(reader, topic, places)

    try:
        for message in of(topics.documents):
            recorded.document(message.value() or b"")
        for message in of(topics.liquidity):
            recorded.window(message.value() or b"", key_of(message))
    finally:
        reader.close()
    return recorded
