"""The rules that a TradeBot's spec asks for, as its trader would have them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml
from msgspec.structs import replace

from tradebot.domain.situation import Settings
from tradebot.platform.settings import SettingsError
from tradebot.trader.settings import TraderSettings, rules

FIELDS: Final[dict[str, str]] = {
    "symbol": "symbol",
    "holdings": "holdings",
    "risk_fraction": "riskFraction",
    "band_min_bps": "liquidityBand.minBps",
    "band_max_bps": "liquidityBand.maxBps",
    "model": "forecast.model",
    "min_edge_bps": "forecast.minEdgeBps",
    "require_evaluation": "forecast.requireEvaluation",
    "slippage_bps": "orders.slippageBps",
    "collar_bps": "orders.collarBps",
    "max_position": "limits.maxPosition",
    "max_daily_loss": "limits.maxDailyLoss",
    "max_drawdown": "limits.maxDrawdown",
    "cooldown_seconds": "limits.cooldownSeconds",
    "max_orders_per_hour": "limits.maxOrdersPerHour",
    "on_breach": "limits.onBreach",
    "stop_loss": "exits.stopLoss",
    "trailing_stop": "exits.trailingStop",
    "take_profit": "exits.takeProfit",
    "max_hold_minutes": "exits.maxHoldMinutes",
    "no_signal_minutes": "exits.noSignalMinutes",
    "max_exit_slippage_bps": "exits.maxExitSlippageBps",
    "max_silence_seconds": "freshness.maxSilenceSeconds",
    "max_model_age_seconds": "freshness.maxModelAgeSeconds",
}
"""Settings of a trader that its rules are made of, and where a spec has them."""

DEFAULTS: Final = {"max_position": "50%", "max_daily_loss": "0.02", "max_drawdown": "0.10"}
"""Where the resource's default is not the trader's: those of paper are off."""


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """A TradeBot as a file has it: the bot's name, and its trader's settings."""

    bot: str
    settings: TraderSettings
    reports: bool
    """Whether it follows the report's rule."""


def read(path: Path) -> Changed:
    """Reads a TradeBot.

    Raises:
        SettingsError: the file cannot be read, holds no TradeBot, or a setting is not valid.
    """
    body = _body(path)
    spec = body.get("spec") or {}
    chosen = {name: _at(spec, place) for name, place in FIELDS.items()}
    given = DEFAULTS | {name: value for name, value in chosen.items() if value is not None}
    if "symbol" not in given:
        raise SettingsError(f"{path} has no spec.symbol: add the symbol that the bot trades")
    if _at(spec, "execution") == "Maker":
        raise SettingsError(
            "spec.execution is Maker: what was recorded does not show when an order that rests "
            "would have filled; compare with execution: Taker"
        )
    try:
        settings = msgspec.convert(given, TraderSettings, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        raise SettingsError(f"{path}: {error}") from None
    strategy = spec.get("strategy") or {}
    reports = "file" not in strategy and strategy.get("name", "Report") == "Report"
    return Changed(bot=str(body["metadata"]["name"]), settings=settings, reports=reports)


def _body(path: Path) -> Mapping[str, Any]:
    try:
        documents = list(yaml.safe_load_all(path.read_text()))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
    found = [
        each for each in documents if isinstance(each, dict) and each.get("kind") == "TradeBot"
    ]
    if len(found) != 1 or not (found[0].get("metadata") or {}).get("name"):
        raise SettingsError(
            f"{path} holds {len(found)} TradeBots: use a file with one, and its metadata.name"
        )
    return found[0]


def _at(spec: Mapping[str, Any], place: str) -> Any:
    found: Any = spec
    for name in place.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def rules_of(changed: Changed, recorded: Settings, model: str) -> Settings:
    """Returns the rules of the changed bot on a recording.

    How late a window may be depends on the venue's speed, so the recorded value stays.

    Args:
        recorded: the rules of the newest recorded decision.
        model: whose forecasts were recorded, "" if none were.

    Raises:
        SettingsError: the change asks for forecasts or proposals that were not recorded.
    """
    if changed.reports == bool(recorded.proposer):
        follows = f"proposals of {recorded.proposer}" if recorded.proposer else "the report's rule"
        raise SettingsError(
            f"spec.strategy differs: the bot recorded {follows}, and other proposals are not known;"
            " use tradebot backtest for another strategy"
        )
    if changed.reports and model and changed.settings.model != model:
        raise SettingsError(
            f"spec.forecast.model is {changed.settings.model}, but the bot recorded forecasts of "
            f"{model}: use tradebot forecast evaluate to compare models"
        )
    return replace(
        rules(changed.settings),
        proposer=recorded.proposer,
        max_window_age_ms=recorded.max_window_age_ms,
    )
