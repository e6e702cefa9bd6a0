"""The trader: the only pod with keys, and with rights on its own bot only."""

from collections.abc import Sequence
from typing import Any, Final

from tradebot_operator.builders.pod import (
    KEYS_FOLDER,
    STATE_FOLDER,
    Manifest,
    Mount,
    PodPlan,
    children,
    common_config,
    metadata,
    venue_config,
)
from tradebot_operator.resource import GROUP, TradeBot
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.stages import forecast, strategy
from tradebot_operator.stages.stage import Stage
from tradebot_operator.units import Unit

SECRET_ANNOTATION = "tradebot.dev/credentials-secret"  # noqa: S105  # a name, not a secret
ON_STOP_VARIABLE = "TRADEBOT_ON_STOP"


def trader_children(
    unit: Unit,
    bot: TradeBot,
    settings: OperatorSettings,
    *,
    replicas: int | None = None,
    flatten: bool = False,
) -> list[Manifest]:
    """Returns the trader's children.

    Args:
        replicas: how many pods, instead of what the bot asks for.
        flatten: the trader sells its position when it is stopped, and has no standby.
    """
    plan = _plan(unit, bot, settings, replicas=replicas, flatten=flatten)
    name = unit.name
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": metadata(plan, name),
            "automountServiceAccountToken": False,
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": metadata(plan, name),
            "rules": _rules(bot, name),
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": metadata(plan, name),
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": bot.namespace}],
        },
        *children(plan, settings),
    ]


def _rules(bot: TradeBot, lease: str) -> list[dict[str, Any]]:
    """Returns its RBAC rules: its own TradeBot, its status and its own Lease, by name."""
    return [
        {
            "apiGroups": [GROUP],
            "resources": ["tradebots"],
            "resourceNames": [bot.name],
            "verbs": ["get", "list", "watch"],
        },
        {
            "apiGroups": [GROUP],
            "resources": ["tradebots/status"],
            "resourceNames": [bot.name],
            "verbs": ["patch"],
        },
        {
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resourceNames": [lease],
            "verbs": ["get", "create", "update"],
        },
    ]


def _plan(
    unit: Unit, bot: TradeBot, settings: OperatorSettings, *, replicas: int | None, flatten: bool
) -> PodPlan:
    spec, secret = bot.spec, bot.spec.venue.credentials_secret
    standby = spec.standby and not flatten
    config = common_config(settings, unit, bot.namespace) | venue_config(settings, unit)
    config |= {
        "bot": bot.name,
        "mode": spec.mode,
        "model": spec.forecast.model,
        "forecaster": forecast.STAGE.unit(bot).name,
        "heartbeat": str(spec.venue.heartbeat).lower(),
        "holdings": spec.holdings,
        "risk_fraction": spec.risk_fraction,
        "band_min_bps": str(spec.liquidity_band.min_bps),
        "band_max_bps": str(spec.liquidity_band.max_bps),
        "min_edge_bps": str(spec.forecast.min_edge_bps),
        "max_position": spec.limits.max_position,
        "max_daily_loss": spec.limits.max_daily_loss,
        "max_drawdown": spec.limits.max_drawdown,
        "cooldown_seconds": str(spec.limits.cooldown_seconds),
        "max_orders_per_hour": str(spec.limits.max_orders_per_hour),
        "on_breach": spec.limits.on_breach,
        "execution": spec.execution,
        "maker_reprices": str(spec.maker.reprices),
        "maker_wait_seconds": str(spec.maker.wait_seconds),
        "maker_unfilled": spec.maker.unfilled,
        "stop_loss": spec.exits.stop_loss,
        "trailing_stop": spec.exits.trailing_stop,
        "take_profit": spec.exits.take_profit,
        "max_hold_minutes": str(spec.exits.max_hold_minutes),
        "no_signal_minutes": str(spec.exits.no_signal_minutes),
        "max_exit_slippage_bps": str(spec.exits.max_exit_slippage_bps),
        "rest_at_venue": str(spec.exits.rest_at_venue).lower(),
        "watch_seconds": str(spec.exits.watch_seconds),
        "slippage_bps": str(spec.orders.slippage_bps),
        "collar_bps": str(spec.orders.collar_bps),
        "max_window_lag_seconds": str(spec.freshness.max_window_lag_seconds),
        "max_silence_seconds": str(spec.freshness.max_silence_seconds),
        "max_model_age_seconds": str(spec.freshness.max_model_age_seconds),
        "require_evaluation": str(spec.forecast.require_evaluation).lower(),
        "paper_quote": spec.paper.quote,
        "paper_base": spec.paper.base,
        "paper_latency_ms": str(spec.paper.latency_ms),
        "time_based_nonce": str(spec.venue.nonce == "TimeBased").lower(),
        "reconcile_seconds": str(spec.venue.reconcile_seconds),
        "state_dir": STATE_FOLDER,
        "journal": "kafka",
        "lease": "kubernetes",
        "report": "kubernetes",
        "namespace": bot.namespace,
        "on_stop": "flatten" if flatten else "keep",
    }
    if not spec.strategy.in_trader:
        config["proposer"] = strategy.proposer(bot)
        config["proposal_wait_seconds"] = f"{spec.strategy.wait_ms / 1000:g}"
    if spec.paper.fees:
        config["paper_maker_bps"] = spec.paper.fees.maker_bps
        config["paper_taker_bps"] = spec.paper.fees.taker_bps
    if standby:
        config["standby"] = "true"
    if settings.kafka.ephemeral:
        config["kafka_ephemeral"] = "true"
    if spec.accept_data_loss:
        config["accept_data_loss"] = "true"
    mounts: tuple[Mount, ...] = ()
    if secret:
        config["api_key_file"] = f"{KEYS_FOLDER}/api-key"
        config["api_secret_file"] = f"{KEYS_FOLDER}/api-secret"
        items = [{"key": key, "path": key} for key in ("api-key", "api-secret")]
        source = {"secret": {"secretName": secret, "items": items, "defaultMode": 0o440}}
        mounts = (Mount("keys", KEYS_FOLDER, source),)
    owner = bot.reference | {"controller": True, "blockOwnerDeletion": False}
    return PodPlan(
        unit=unit,
        namespace=bot.namespace,
        owners=(owner,),
        image=settings.images.services,
        config=config,
        mounts=mounts,
        env=(_field("TRADEBOT_POD_NAME", "metadata.name"),),
        egress="venue" if unit.environment != "Emulator" else "",
        service_account=unit.name,
        replicas=(2 if standby else 1) if replicas is None else replicas,
        spread=standby,
        grace_seconds=60 if bot.spec.deletion_policy == "Flatten" else 30,
        annotations={SECRET_ANNOTATION: secret} if secret else {},
        asked=spec.stages.trader,
    )


def _field(name: str, path: str) -> dict[str, Any]:
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}
    return {"name": name, "valueFrom": source}


def _running(unit: Unit, bots: Sequence[TradeBot], settings: OperatorSettings) -> PodPlan:
    """Returns the pod of a trader that is neither stopped nor flattening."""
    return _plan(unit, bots[0], settings, replicas=None, flatten=False)


STAGE: Final = Stage(name="trader", text=lambda bot: bot.name, plan=_running)


def trader_unit(bot: str) -> str:
    """Returns the name of the bot's own unit."""
    return f"{STAGE.name}-{bot}"
