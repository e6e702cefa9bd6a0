"""Decides each bot's recorded windows again, and publishes one record for each bot.

The job has no right to write to a TradeBot: each bot's trader reads its record and sets the
condition `ParityHolds`.
"""

import time

import click
from confluent_kafka import KafkaException, Producer

from tradebot import __version__
from tradebot.backtest.parity import STAGE
from tradebot.backtest.parity.reading import Recorded, read
from tradebot.backtest.parity.settings import ParitySettings
from tradebot.backtest.replay import record, replay
from tradebot.backtest.replay_command import judged, lines
from tradebot.platform import logs
from tradebot.platform.kafka import producer
from tradebot.platform.settings import SettingsError
from tradebot.platform.spans import span_ms
from tradebot.platform.stage import ensure_topics
from tradebot.platform.topics import Topics
from tradebot.records import DocType, ParityRecord, encode

FLUSH_SECONDS = 30.0

_log = logs.get(__name__)


def check(recorded: Recorded, bot: str, since: int, now: int) -> tuple[ParityRecord, list[str]]:
    """Decides a bot's windows again; returns the record, and what a person reads.

    Args:
        since: how far to go back from its newest decision, ms.
        now: real time, ms.
    """
    documents = recorded.of(bot, since)
    found = judged(bot, documents[DocType.DECISION], replay(record(documents, None)))
    told = lines(found)
    result = ParityRecord(
        bot=bot,
        checked_at=now,
        start=found.start,
        end=found.end,
        decisions=found.decisions,
        different=found.different,
        first=" ".join(line.strip() for line in told[1:]),
        code_version=__version__,
    )
    return result, told


def run(settings: ParitySettings) -> None:
    """Checks every bot that decided lately.

    Raises:
        SettingsError: `since` is wrong, or the brokers do not respond.
    """
    logs.setup(STAGE.name, level=settings.log_level, form=settings.log_format)
    since = span_ms(settings.since)
    ensure_topics(STAGE, settings)
    try:
        recorded = read(settings)
    except KafkaException as error:
        reason = f"cannot read what was recorded from {settings.kafka}: {error}"
        raise SettingsError(reason) from None
    sender = producer(settings)
    for bot in recorded.bots:
        _check_one(recorded, bot, since, sender, Topics.of(settings).parity)
    if not recorded.bots:
        click.echo("no bot decided in this time")
    if sender.flush(FLUSH_SECONDS):
        raise SettingsError(f"the results were not taken by {settings.kafka} in {FLUSH_SECONDS} s")


def _check_one(recorded: Recorded, bot: str, since: int, sender: Producer, topic: str) -> None:
    """What one bot recorded must not keep the others from their check."""
    try:
        result, told = check(recorded, bot, since, int(time.time() * 1000))
    except Exception as error:
        _log.exception("the decisions cannot be checked", bot=bot)
        result = ParityRecord(
            bot=bot,
            checked_at=int(time.time() * 1000),
            start=0,
            end=0,
            decisions=0,
            different=0,
            first=f"{type(error).__name__}: {error}"[:1000],
            code_version=__version__,
        )
        told = [f"{bot} cannot be checked: {result.first}"]
    for line in told:
        click.echo(line)
    sender.produce(topic, encode(result), key=bot)
