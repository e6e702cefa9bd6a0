"""The operator's view of a stage: what distinguishes its units, and the pod of a unit."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec

from tradebot_operator.builders.pod import PodPlan
from tradebot_operator.naming import digest, slug
from tradebot_operator.resource import StagePod, TradeBot
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.units import Unit

Key = dict[str, Any]


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One stage.

    Only bots for which `needed` is true have a unit. `key` is everything that distinguishes the
    units of two bots, and `text` the readable part of a unit's name. The unit of a stage without a
    `key` belongs to one bot. `plan` describes the pod of a unit, for the bots that need it, oldest
    first.
    """

    name: str
    text: Callable[[TradeBot], str]
    plan: Callable[[Unit, Sequence[TradeBot], OperatorSettings], PodPlan]
    key: Callable[[TradeBot], Key] | None = None
    needed: Callable[[TradeBot], bool] = lambda _: True
    one_symbol: bool = True

    def unit(self, bot: TradeBot) -> Unit:
        """The unit that the bot needs."""
        spec, own = bot.spec, self.key is None
        name = f"{self.name}-{self.text(bot)}"
        if self.key is not None:
            name = f"{self.name}-{slug(self.text(bot))}-{digest(self.key(bot))}"
        return Unit(
            name=name,
            stage=self.name,
            environment=spec.venue.environment,
            symbol=spec.symbol if self.one_symbol else "",
            bot=bot.name if own else "",
            venue=spec.venue.name,
        )


def place(bot: TradeBot) -> Key:
    """Returns the key of a stage with one unit for each environment of a venue."""
    return {"venue": bot.spec.venue.name, "environment": bot.spec.venue.environment}


def market(bot: TradeBot) -> Key:
    """Returns the key of a stage with one unit for each symbol of an environment."""
    return place(bot) | {"symbol": bot.spec.symbol}


def pod_key(asked: StagePod) -> Key:
    """Returns what a bot asks for its pod, as part of a key; bots that ask for nothing share."""
    return {} if asked == StagePod() else {"pod": msgspec.to_builtins(asked)}


def unusual(chosen: Key, usual: Key, optional: Collection[str]) -> Key:
    """Returns what was chosen, without the optional settings that have their usual value.

    So a new setting does not rename the units of existing bots.
    """
    return {
        name: value
        for name, value in chosen.items()
        if name not in optional or value != usual[name]
    }
