"""Ingest: one unit for each symbol of an environment."""

from collections.abc import Sequence
from typing import Final

from tradebot_operator.builders.pod import PodPlan, common_config, shared_owners, venue_config
from tradebot_operator.resource import TradeBot
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.stages.stage import Stage, market
from tradebot_operator.units import Unit


def _plan(unit: Unit, bots: Sequence[TradeBot], settings: OperatorSettings) -> PodPlan:
    namespace = bots[0].namespace
    return PodPlan(
        unit=unit,
        namespace=namespace,
        owners=shared_owners(bots),
        image=settings.images.services,
        config=common_config(settings, unit, namespace) | venue_config(settings, unit),
        egress="venue" if unit.environment != "Emulator" else "",
    )


STAGE: Final = Stage(name="ingest", text=lambda bot: bot.spec.symbol, key=market, plan=_plan)
