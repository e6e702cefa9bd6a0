"""What the nightly check found of the bot, as its topic has it."""

import msgspec
from confluent_kafka import Message

from tradebot.platform.topic import key_of
from tradebot.records import ParityRecord, decode


class Parity:
    """Keeps the newest result for one bot."""

    def __init__(self, bot: str) -> None:
        self._bot = bot
        self.newest: ParityRecord | None = None

    def take(self, message: Message) -> None:
        """Takes a record of the topic; other bots' and unreadable ones change nothing."""
        if key_of(message) != self._bot.encode():
            return
        try:
            record = decode(message.value() or b"", ParityRecord)
        except msgspec.DecodeError:
            return
        if record.bot != self._bot:
            return
        if self.newest is None or record.checked_at >= self.newest.checked_at:
            self.newest = record
