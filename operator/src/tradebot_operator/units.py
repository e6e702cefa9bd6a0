"""Which units a bot needs.

A unit is one Deployment with what belongs to it. The trader's unit is the bot's own; the others
are shared by all bots of a namespace for which they would be the same: liquidity by environment,
ingest also by symbol, forecast also by model and its parameters. A unit's name tells the same
things, so that the units of two bots are the same exactly where they would do the same.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from tradebot_operator.naming import digest, slug
from tradebot_operator.resource import TradeBot
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


Key = dict[str, Any]


class StageUnits(msgspec.Struct, frozen=True, kw_only=True):
    """How the units of a stage are named and told apart.

    `key` is all by which two bots need units of their own; `text` is the readable part of the
    name. The unit of a stage without a `key` is the bot's own.
    """

    stage: str
    text: Callable[[TradeBot], str]
    key: Callable[[TradeBot], Key] | None = None
    one_symbol: bool = True

    def of(self, bot: TradeBot) -> Unit:
        """The unit that the bot needs."""
        spec, own = bot.spec, self.key is None
        name = f"{self.stage}-{self.text(bot)}"
        if self.key is not None:
            name = f"{self.stage}-{slug(self.text(bot))}-{digest(self.key(bot))}"
        return Unit(
            name=name,
            stage=self.stage,
            environment=spec.venue.environment,
            symbol=spec.symbol if self.one_symbol else "",
            bot=bot.name if own else "",
            venue=spec.venue.name,
        )


def _place(bot: TradeBot) -> Key:
    return {"venue": bot.spec.venue.name, "environment": bot.spec.venue.environment}


def _feed(bot: TradeBot) -> Key:
    return _place(bot) | {"symbol": bot.spec.symbol}


def _model(bot: TradeBot) -> Key:
    forecast = bot.spec.forecast
    return _feed(bot) | {
        "model": forecast.model,
        "horizon": forecast.horizon_minutes,
        "refit": forecast.refit_minutes,
        "history": msgspec.to_builtins(forecast.history),
    }


INGEST: Final = StageUnits(stage="ingest", text=lambda bot: bot.spec.symbol, key=_feed)
LIQUIDITY: Final = StageUnits(
    stage="liquidity",
    text=lambda bot: bot.spec.venue.environment,
    key=_place,
    one_symbol=False,
)
FORECAST: Final = StageUnits(
    stage="forecast",
    text=lambda bot: f"{bot.spec.symbol}-{bot.spec.forecast.model}",
    key=_model,
)
TRADER: Final = StageUnits(stage="trader", text=lambda bot: bot.name)

STAGES: Final = (INGEST, LIQUIDITY, FORECAST, TRADER)
"""In the order in which records flow, so that the first failing stage is the cause."""


def trader_unit(bot: str) -> str:
    """The name of a bot's own unit."""
    return f"{TRADER.stage}-{bot}"


def forecast_unit(bot: TradeBot) -> str:
    """The name of the unit whose forecasts the bot trades by."""
    return FORECAST.of(bot).name


def units(bot: TradeBot) -> tuple[Unit, ...]:
    """The bot's units, in the order in which records flow."""
    return tuple(stage.of(bot) for stage in STAGES)


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
