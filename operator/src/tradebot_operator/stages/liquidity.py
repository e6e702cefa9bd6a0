"""Liquidity: one unit for each environment, whatever the symbols."""

from collections.abc import Sequence
from typing import Final

from tradebot_operator.builders.pod import PodPlan, common_config, shared_owners
from tradebot_operator.resource import TradeBot
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.stages.stage import Stage, place
from tradebot_operator.units import Unit


def _plan(unit: Unit, bots: Sequence[TradeBot], settings: OperatorSettings) -> PodPlan:
    namespace = bots[0].namespace
    config = common_config(settings, unit, namespace)
    # No worker_id: a pod that is evicted may still be ending while the next one runs, and two
    # members with one static identity evict each other from the group.
    config["group"] = f"{config['topic_prefix']}liquidity"
    if settings.liquidity.web_port:
        config["web_port"] = str(settings.liquidity.web_port)
    return PodPlan(
        unit=unit,
        namespace=namespace,
        owners=shared_owners(bots),
        image=settings.images.services,
        config=config,
        replicas=None if settings.liquidity.scaled else settings.liquidity.replicas,
        web_port=settings.liquidity.web_port,
    )


STAGE: Final = Stage(
    name="liquidity",
    text=lambda bot: bot.spec.venue.environment,
    key=place,
    plan=_plan,
    one_symbol=False,
)
