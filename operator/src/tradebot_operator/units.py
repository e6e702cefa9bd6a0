"""What a unit is, and which topics it uses.

A unit is one Deployment with what belongs to it. The trader's unit is the bot's own; the others
are shared by all bots of a namespace for which they would be the same: liquidity by environment,
ingest also by symbol, forecast also by model and its parameters. A unit's name tells the same
things, so that the units of two bots are the same exactly where they would do the same.
"""

from typing import Final

import msgspec

from tradebot_operator.settings import OperatorSettings

GEMINI: Final = "gemini"
"""The venue that is meant where none is named."""


class Unit(msgspec.Struct, frozen=True):
    """A unit by its name, and what its stage is told of the market."""

    name: str
    stage: str
    environment: str
    symbol: str = ""
    bot: str = ""
    venue: str = GEMINI


def topic_prefix(
    settings: OperatorSettings, namespace: str, environment: str, venue: str = GEMINI
) -> str:
    """The prefix of an environment's topics: two environments, or venues, never share a topic.

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
