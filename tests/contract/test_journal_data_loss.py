"""Real money never depends on a journal that one failure loses, unless its owner accepts that."""

from typing import Any
from uuid import uuid4

import pytest

from tradebot.platform.topics import Topics
from tradebot.trader.journal.kafka import KafkaJournal
from tradebot.trader.journal.store import UnusableJournalError
from tradebot.trader.journal_guard import refuse_data_loss
from tradebot.trader.settings import TraderSettings


def settings(kafka: str, **more: Any) -> TraderSettings:
    real = {"mode": "Live", "environment": "Production", "journal": "kafka"} | more
    return TraderSettings(
        kafka=kafka, api_key_file="key", api_secret_file="secret",
        topic_prefix=f"{uuid4().hex[:8]}-", **real,
    )  # fmt: skip


def test_a_journal_on_one_broker_is_refused_with_what_to_do(kafka_address: str) -> None:
    real = settings(kafka_address)
    KafkaJournal(real, Topics.of(real).journal_of("btc"), "btc").close()
    with pytest.raises(UnusableJournalError, match=r"one replica.*spec\.acceptDataLoss: true"):
        refuse_data_loss(real)


def test_ephemeral_storage_is_refused_before_the_brokers_are_asked() -> None:
    with pytest.raises(UnusableJournalError, match="ephemeral storage"):
        refuse_data_loss(settings("127.0.0.1:1", kafka_ephemeral=True))


@pytest.mark.parametrize(
    "accepted",
    [
        {"accept_data_loss": True},
        {"mode": "Paper"},
        {"environment": "Sandbox"},
        {"journal": "sqlite"},
    ],
)
def test_what_is_accepted_or_risks_no_money_is_let_through(accepted: dict[str, Any]) -> None:
    refuse_data_loss(settings("127.0.0.1:1", kafka_ephemeral=True, **accepted))
