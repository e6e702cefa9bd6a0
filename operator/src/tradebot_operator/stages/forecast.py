"""Forecast: one unit for each model of a symbol, with its parameters."""

from collections.abc import Sequence
from typing import Final

import msgspec

from tradebot_operator.builders.pod import (
    HISTORY_FOLDER,
    STATE_FOLDER,
    Mount,
    PodPlan,
    common_config,
    shared_owners,
    venue_config,
)
from tradebot_operator.resource import Forecast, TradeBot
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.stages.stage import Key, Stage, market, pod_key, unusual
from tradebot_operator.units import Unit

OPTIONAL: Final = (
    "model_options",
    "train_minutes",
    "max_rows",
    "evaluate_folds",
    "evaluate_minutes",
    "retrain",
)
"""Settings that a unit's key has only if they differ from their defaults."""


def _key(bot: TradeBot) -> Key:
    forecast = bot.spec.forecast
    return (
        market(bot)
        | {
            "model": forecast.model,
            "horizon": forecast.horizon_minutes,
            "refit": forecast.refit_minutes,
            "history": msgspec.to_builtins(forecast.history),
        }
        | unusual(_optional(forecast), _optional(Forecast()), OPTIONAL)
        | pod_key(bot.spec.stages.forecast)
    )


def _optional(forecast: Forecast) -> Key:
    return {name: msgspec.to_builtins(getattr(forecast, name)) for name in OPTIONAL}


def _plan(unit: Unit, bots: Sequence[TradeBot], settings: OperatorSettings) -> PodPlan:
    namespace, forecast = bots[0].namespace, bots[0].spec.forecast
    config = common_config(settings, unit, namespace) | venue_config(settings, unit)
    config |= {
        "model": forecast.model,
        "forecaster": unit.name,
        "horizon_minutes": str(forecast.horizon_minutes),
        "refit_minutes": str(forecast.refit_minutes),
        "model_options": msgspec.json.encode(
            forecast.model_options, order="deterministic"
        ).decode(),
        "train_minutes": str(forecast.train_minutes),
        "max_rows": str(forecast.max_rows),
        "evaluate_folds": str(forecast.evaluate_folds),
        "evaluate_minutes": str(forecast.evaluate_minutes),
        "history_source": forecast.history.source,
        "state_dir": STATE_FOLDER,
    }
    if forecast.retrain:
        config["retrain_hours"] = str(forecast.retrain.every_hours)
        config["retrain_window"] = forecast.retrain.window
        config["model_store"] = settings.model_store
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
        owners=shared_owners(bots),
        image=settings.images.forecast,
        config=config,
        mounts=mounts,
        egress=_egress(forecast, unit.environment),
        asked=bots[0].spec.stages.forecast,
    )


def _egress(forecast: Forecast, environment: str) -> str:
    """A model has no egress, except to the history that its bot requests."""
    if forecast.history.source == "Url":
        return "web"
    if forecast.history.source == "Venue" and environment != "Emulator":
        return "venue"
    return ""


STAGE: Final = Stage(
    name="forecast",
    text=lambda bot: f"{bot.spec.symbol}-{bot.spec.forecast.model}",
    key=_key,
    plan=_plan,
)
