"""The stages that bots share: ingest, liquidity and forecast."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tradebot_operator.builders.pod import (
    HISTORY_FOLDER,
    STATE_FOLDER,
    Manifest,
    Mount,
    PodPlan,
    children,
    common_config,
    venue_config,
)
from tradebot_operator.resource import Forecast, TradeBot
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.units import FORECAST, INGEST, LIQUIDITY, Unit

OWNERS = 3
"""Of how many bots a shared child says that it is theirs: the oldest of those that need it.

The garbage collector keeps an object while one owner lives, so that children go when the bots go,
even while no operator runs; a thousand owners would be written again with each bot."""


def shared_children(
    unit: Unit, bots: Sequence[TradeBot], settings: OperatorSettings
) -> list[Manifest]:
    """The unit's children; none where no bot needs it."""
    if not bots:
        return []
    bots = sorted(bots, key=lambda bot: (bot.created_at, bot.name))
    plan = PLANS[unit.stage](unit, bots, settings)
    return children(plan, settings)


def _ingest(unit: Unit, bots: Sequence[TradeBot], settings: OperatorSettings) -> PodPlan:
    namespace = bots[0].namespace
    return PodPlan(
        unit=unit,
        namespace=namespace,
        owners=_owners(bots),
        image=settings.images.services,
        config=common_config(settings, unit, namespace) | venue_config(settings, unit),
        egress="venue" if unit.environment != "Emulator" else "",
    )


def _liquidity(unit: Unit, bots: Sequence[TradeBot], settings: OperatorSettings) -> PodPlan:
    namespace = bots[0].namespace
    config = common_config(settings, unit, namespace)
    # No worker_id: a pod that is forced away may still be ending while the next one runs, and
    # two members under one fixed identity throw each other out of the group.
    config["group"] = f"{config['topic_prefix']}liquidity"
    return PodPlan(
        unit=unit,
        namespace=namespace,
        owners=_owners(bots),
        image=settings.images.services,
        config=config,
    )


def _forecast(unit: Unit, bots: Sequence[TradeBot], settings: OperatorSettings) -> PodPlan:
    namespace, forecast = bots[0].namespace, bots[0].spec.forecast
    config = common_config(settings, unit, namespace) | venue_config(settings, unit)
    config |= {
        "model": forecast.model,
        "forecaster": unit.name,
        "horizon_minutes": str(forecast.horizon_minutes),
        "refit_minutes": str(forecast.refit_minutes),
        "history_source": forecast.history.source,
        "state_dir": STATE_FOLDER,
    }
    mounts: tuple[Mount, ...] = ()
    if forecast.history.source == "Url":
        config["history_file"] = forecast.history.url
    if forecast.history.claim:
        config["history_file"] = f"{HISTORY_FOLDER}/{forecast.history.claim.path}"
        source = {
            "persistentVolumeClaim": {"claimName": forecast.history.claim.name, "readOnly": True}
        }
        mounts = (Mount("history", HISTORY_FOLDER, source),)
    return PodPlan(
        unit=unit,
        namespace=namespace,
        owners=_owners(bots),
        image=settings.images.forecast,
        config=config,
        mounts=mounts,
        egress=_forecast_egress(forecast, unit.environment),
    )


def _forecast_egress(forecast: Forecast, environment: str) -> str:
    """A model reaches nothing outside, but for the history that its bot asks for."""
    if forecast.history.source == "Url":
        return "web"
    if forecast.history.source == "Venue" and environment != "Emulator":
        return "venue"
    return ""


def _owners(bots: Sequence[TradeBot]) -> tuple[dict[str, object], ...]:
    return tuple(
        bot.reference | {"controller": False, "blockOwnerDeletion": False} for bot in bots[:OWNERS]
    )


PLANS: Final[Mapping[str, Callable[[Unit, Sequence[TradeBot], OperatorSettings], PodPlan]]] = {
    INGEST.stage: _ingest,
    LIQUIDITY.stage: _liquidity,
    FORECAST.stage: _forecast,
}
"""By stage: the pod of a unit that bots share."""
