"""The table of a bot's stages, and the units that follow from it."""

from collections.abc import Sequence
from typing import Final

from tradebot_operator.builders.pod import Manifest, children
from tradebot_operator.resource import TradeBot
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.stages import forecast, ingest, liquidity, strategy, trader
from tradebot_operator.stages.stage import Stage
from tradebot_operator.units import Unit

STAGES: Final[tuple[Stage, ...]] = (
    ingest.STAGE,
    liquidity.STAGE,
    forecast.STAGE,
    strategy.STAGE,
    trader.STAGE,
)
"""In the order of the records' flow, so that the first failing stage is the cause."""

_BY_NAME: Final[dict[str, Stage]] = {stage.name: stage for stage in STAGES}


def units(bot: TradeBot) -> tuple[Unit, ...]:
    """Returns the bot's units, in the order of the records' flow."""
    return tuple(stage.unit(bot) for stage in STAGES if stage.needed(bot))


def shared_children(
    unit: Unit, bots: Sequence[TradeBot], settings: OperatorSettings
) -> list[Manifest]:
    """Returns the children of a shared unit; none if no bot needs it."""
    if not bots:
        return []
    bots = sorted(bots, key=lambda bot: (bot.created_at, bot.name))
    return children(_BY_NAME[unit.stage].plan(unit, bots, settings), settings)
