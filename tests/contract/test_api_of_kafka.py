"""`tradebot.api.Store` on a topic: the newest state of each document, as a recorder stores it."""

import uuid

import msgspec
from line.day import TradingDay

from tradebot.api import Store
from tradebot.platform.kafka import producer
from tradebot.platform.settings import StageSettings
from tradebot.records import DocType, encode


def test_documents_of_a_topic_are_read_once_each_and_unreadable_records_skipped(
    kafka_address: str,
) -> None:
    settings = StageSettings(kafka=kafka_address, topic_prefix=f"{uuid.uuid4().hex[:8]}-")
    made = [each for _, _, documents in TradingDay().minutes(20) for each in documents]
    decisions = [each for each in made if each.doc_type == DocType.DECISION]
    newer = msgspec.structs.replace(decisions[0], body=decisions[0].body | {"reason": "newer"})
    sender = producer(settings)
    for record in [*map(encode, made), b"no document", encode(newer)]:
        sender.produce(f"{settings.topic_prefix}trade-documents", record)
    assert sender.flush(30) == 0
    with Store(kafka=kafka_address, topic_prefix=settings.topic_prefix) as store:
        found = store.decisions(bot="btc")
        assert store.decisions(bot="another").is_empty()
    assert found["_id"].to_list() == [each.id for each in decisions]
    assert found["reason"][0] == "newer"
