"""Units, and the topics that they use.

A unit is one Deployment with its objects. The trader's unit belongs to one bot. The others are
shared by all bots of a namespace that need the same one: liquidity by environment, ingest also by
symbol, forecast also by model and its parameters. A unit's name contains the same things, so two
bots share a unit exactly if theirs would do the same.
"""

from typing import Final

import msgspec

from tradebot_operator.settings import OperatorSettings

GEMINI: Final = "gemini"
"""The venue if a TradeBot names none."""


class Unit(msgspec.Struct, frozen=True):
    """A unit: its name, and what its stage knows of the market."""

    name: str
    stage: str
    environment: str
    symbol: str = ""
    bot: str = ""
    venue: str = GEMINI


def topic_prefix(
    settings: OperatorSettings, namespace: str, environment: str, venue: str = GEMINI
) -> str:
    """Returns the prefix of an environment's topics: no two environments or venues share a topic.

    >>> from tradebot_operator.settings import Images, Kafka
    >>> settings = OperatorSettings(
    ...     namespace="bots", images=Images(services="s", forecast="f"), kafka=Kafka(bootstrap="k")
    ... )
    >>> topic_prefix(settings, "bots", "Emulator"), topic_prefix(settings, "team", "Sandbox")
    ('emulator.', 'team.sandbox.')
    >>> topic_prefix(settings, "bots", "Production", "kraken")
    'kraken.production.'
    """
    place = "" if namespace == settings.namespace else f"{namespace}."
    place += "" if venue == GEMINI else f"{venue}."
    return f"{settings.topic_prefix}{place}{environment.lower()}."
