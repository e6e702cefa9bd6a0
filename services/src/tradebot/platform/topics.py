"""The names of the topics, and Kafka's settings for those that hold state."""

from collections.abc import Mapping
from typing import Final, Protocol

import msgspec

FEED: Final = "gemini-feed"
TRADES: Final = "gemini-trades"
LIQUIDITY: Final = "faust.out"
FORECASTS: Final = "forecasts"
JOURNAL: Final = "trader-journal"
DOCUMENTS: Final = "trade-documents"
DEAD_LETTERS: Final = "dead-letters"
MINUTES: Final = "minutes"
PROPOSALS: Final = "proposals"
ACCOUNTS: Final = "accounts"
PARITY: Final = "parity"
MODELS: Final = "models"

YEAR_MS: Final = 365 * 86_400_000

CONFIG: Final[Mapping[str, Mapping[str, str]]] = {
    MINUTES: {"cleanup.policy": "compact,delete", "retention.ms": str(YEAR_MS)},
    ACCOUNTS: {"cleanup.policy": "compact"},
    PARITY: {"cleanup.policy": "compact"},
    MODELS: {"cleanup.policy": "compact"},
}
"""Kafka's settings for topics that a stage creates, where they differ from the broker's."""


class Prefixed(Protocol):
    """Settings with a prefix for the names of all topics."""

    @property
    def topic_prefix(self) -> str:
        """The prefix; empty if there is none."""
        ...


class Topics(msgspec.Struct, frozen=True):
    """The names of the topics that stages share."""

    feed: str = FEED
    trades: str = TRADES
    liquidity: str = LIQUIDITY
    forecasts: str = FORECASTS
    journal: str = JOURNAL
    documents: str = DOCUMENTS
    dead_letters: str = DEAD_LETTERS
    minutes: str = MINUTES
    proposals: str = PROPOSALS
    accounts: str = ACCOUNTS
    parity: str = PARITY
    models: str = MODELS

    def journal_of(self, bot: str) -> str:
        """Returns the topic of a bot's own journal; `journal` is the one that bots once shared."""
        return f"{self.journal}.{bot}"

    @classmethod
    def of(cls, settings: Prefixed) -> "Topics":
        """Returns the names with the settings' prefix."""
        fields = msgspec.structs.fields(cls)
        return cls(**{field.name: settings.topic_prefix + field.default for field in fields})
