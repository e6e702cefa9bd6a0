"""Which units a bot needs.

A unit is one Deployment with what belongs to it. The trader's unit is the bot's own; the others
are shared by all bots of a namespace for which they would be the same: liquidity by environment,
ingest also by symbol, forecast also by model and its parameters. A unit's name tells the same
things, so that the units of two bots are the same exactly where they would do the same.
"""

from typing import Any, Final

import msgspec

from tradebot_operator.naming import digest, slug
from tradebot_operator.resource import TradeBot
from tradebot_operator.settings import OperatorSettings, StageName

ORDER: tuple[StageName, ...] = ("ingest", "liquidity", "forecast", "trader")
"""In the order in which records flow, so that the first failing stage is the cause."""


GEMINI: Final = "gemini"
"""The venue that is meant where none is named."""


class Unit(msgspec.Struct, frozen=True):
    """A unit by its name, and what its stage is told of the market."""

    name: str
    stage: StageName
    environment: str
    symbol: str = ""
    bot: str = ""
    venue: str = GEMINI


def trader_unit(bot: str) -> str:
    """The name of a bot's own unit."""
    return f"trader-{bot}"


def forecast_unit(bot: TradeBot) -> str:
    """The name of the unit whose forecasts the bot trades by."""
    return next(unit.name for unit in units(bot) if unit.stage == "forecast")


def units(bot: TradeBot) -> tuple[Unit, ...]:
    """The bot's units, in the order in which records flow."""
    spec = bot.spec
    environment, symbol = spec.venue.environment, spec.symbol
    place: dict[str, Any] = {"venue": spec.venue.name, "environment": environment}
    feed = place | {"symbol": symbol}
    model = feed | {
        "model": spec.forecast.model,
        "horizon": spec.forecast.horizon_minutes,
        "refit": spec.forecast.refit_minutes,
        "history": msgspec.to_builtins(spec.forecast.history),
    }
    venue = spec.venue.name
    return (
        Unit(_name("ingest", symbol, feed), "ingest", environment, symbol, venue=venue),
        Unit(_name("liquidity", environment, place), "liquidity", environment, venue=venue),
        Unit(
            _name("forecast", f"{symbol}-{spec.forecast.model}", model),
            "forecast",
            environment,
            symbol,
            venue=venue,
        ),
        Unit(trader_unit(bot.name), "trader", environment, symbol, bot.name, venue),
    )


def _name(stage: str, text: str, key: dict[str, Any]) -> str:
    return f"{stage}-{slug(text)}-{digest(key)}"


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
