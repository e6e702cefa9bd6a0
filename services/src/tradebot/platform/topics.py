"""The names of the topics."""

from typing import Final, Protocol

import msgspec

FEED: Final = "gemini-feed"
TRADES: Final = "gemini-trades"
LIQUIDITY: Final = "faust.out"
FORECASTS: Final = "forecasts"
JOURNAL: Final = "trader-journal"
DOCUMENTS: Final = "trade-documents"
DEAD_LETTERS: Final = "dead-letters"


class Prefixed(Protocol):
    """Settings that put a prefix before every topic's name."""

    @property
    def topic_prefix(self) -> str:
        """Empty where there is none."""
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

    @classmethod
    def of(cls, settings: Prefixed) -> "Topics":
        """The names with the settings' prefix."""
        fields = msgspec.structs.fields(cls)
        return cls(**{field.name: settings.topic_prefix + field.default for field in fields})
