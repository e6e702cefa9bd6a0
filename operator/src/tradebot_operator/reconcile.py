"""Computes the actions from the desired and the live state: pure functions without a clock.

Each function handles one unit completely and only from its arguments. So nothing changes if a pass
is lost, repeated, or done by two operators at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from tradebot_operator.builders.pod import Manifest
from tradebot_operator.drift import drift
from tradebot_operator.pods import Trouble
from tradebot_operator.resource import FLATTEN_FINALIZER, TradeBot
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.stages.table import shared_children
from tradebot_operator.stages.trader import (
    ON_STOP_VARIABLE,
    SECRET_ANNOTATION,
    trader_children,
    trader_unit,
)
from tradebot_operator.units import Unit

FLATTEN_START_SHARE = 0.5
"""Fraction of the flatten timeout within which the trader must have started to trade."""


class Apply(msgspec.Struct, frozen=True):
    """Write the manifest by server-side apply."""

    manifest: Manifest


class Trim(msgspec.Struct, frozen=True):
    """Remove by JSON patch what somebody added and an apply would keep."""

    manifest: Manifest
    patch: list[dict[str, Any]]


class Delete(msgspec.Struct, frozen=True):
    """Delete the live object."""

    live: Manifest


class Finalize(msgspec.Struct, frozen=True):
    """Set the TradeBot's finalizers. `event` is the event to emit, if any."""

    bot: TradeBot
    finalizers: tuple[str, ...]
    event: Trouble | None = None


Action = Apply | Trim | Delete | Finalize


def summary(actions: Iterable[Action]) -> str:
    """Summarises actions for a log line.

    >>> summary([Apply({"kind": "Role"}), Apply({"kind": "Deployment"}), Delete({"kind": "Role"})])
    'apply Role, Deployment; delete Role'
    """
    done: dict[str, list[str]] = {}
    for action in actions:
        if isinstance(action, Finalize):
            done.setdefault("set finalizers", []).append(action.bot.name)
        elif isinstance(action, Delete):
            done.setdefault("delete", []).append(action.live["kind"])
        else:
            verb = "apply" if isinstance(action, Apply) else "trim"
            done.setdefault(verb, []).append(action.manifest["kind"])
    return "; ".join(f"{verb} {', '.join(kinds)}" for verb, kinds in done.items())


def reference(manifest: Manifest) -> tuple[str, str]:
    """Returns what identifies an object within its namespace."""
    return manifest["kind"], manifest["metadata"]["name"]


def converge(desired: Iterable[Manifest], live: Iterable[Manifest]) -> list[Action]:
    """Returns the writes that turn `live` into `desired`: missing, different and obsolete objects.

    The Deployment is written last, so that its pods find what they need. Old ConfigMaps are deleted
    only when no existing Deployment names them.
    """
    present = {reference(item): item for item in live}
    actions: list[Action] = []
    wanted = set()
    for manifest in desired:
        wanted.add(reference(manifest))
        found = present.get(reference(manifest))
        if found is None:
            actions.append(Apply(manifest))
            continue
        difference = drift(manifest, found)
        version = found["metadata"]["resourceVersion"]
        if (strategy := _strategy(manifest, found, version)) is not None:
            actions.append(strategy)
        elif difference.changed:
            actions.append(Apply(manifest))
        elif difference.extra:
            actions.append(Trim(manifest, difference.removal(version)))
    used = _configs_in_use(present.values())
    for key, item in present.items():
        deleting = item["metadata"].get("deletionTimestamp")
        if key in wanted or deleting or (wanted and key in used):
            continue
        actions.append(Delete(item))
    return actions


def _strategy(manifest: Manifest, live: Manifest, version: str) -> Trim | None:
    """Removes a rolling update completely: applying ours over it would be refused because of its
    remaining parameters.
    """
    if manifest["kind"] != "Deployment" or "rollingUpdate" not in live["spec"].get("strategy", {}):
        return None
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": version}
    strategy = manifest["spec"]["strategy"]
    return Trim(manifest, [test, {"op": "replace", "path": "/spec/strategy", "value": strategy}])


def _configs_in_use(live: Iterable[Manifest]) -> set[tuple[str, str]]:
    used = set()
    for item in live:
        if item["kind"] == "Deployment":
            used.add(("ConfigMap", config_name(item)))
    return used


def config_name(deployment: Manifest) -> str:
    """Returns the name of the ConfigMap that the Deployment's container reads."""
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    sources = container.get("envFrom") or [{}]
    return str(sources[0].get("configMapRef", {}).get("name", ""))


def shared(
    unit: Unit, bots: Sequence[TradeBot], live: Sequence[Manifest], settings: OperatorSettings
) -> list[Action]:
    """Returns the actions for a shared unit, for the bots that need it and may run."""
    return converge(shared_children(unit, bots, settings), live)


def trader(
    unit: Unit,
    bot: TradeBot,
    refusal: Trouble | None,
    live: Sequence[Manifest],
    settings: OperatorSettings,
    *,
    pods: int = 0,
    now: datetime | None = None,
) -> list[Action]:
    """Returns the actions for a bot's own unit.

    Args:
        pods: number of the trader's pods, including terminating ones.
    """
    holds = FLATTEN_FINALIZER in bot.finalizers
    if bot.deleted_at is not None:
        return _last_pass(unit, bot, live, settings, pods, now) if holds else []
    if refusal:
        return converge([], live)
    actions = converge(trader_children(unit, bot, settings), live)
    wants = bot.spec.deletion_policy == "Flatten"
    if wants != holds:
        others = tuple(item for item in bot.finalizers if item != FLATTEN_FINALIZER)
        actions.insert(0, Finalize(bot, (*others, FLATTEN_FINALIZER) if wants else others))
    return actions


def release(bot: TradeBot) -> list[Action]:
    """Releases a bot at once, where nothing that could sell for it can be created any more."""
    if FLATTEN_FINALIZER not in bot.finalizers:
        return []
    return [Finalize(bot, tuple(item for item in bot.finalizers if item != FLATTEN_FINALIZER))]


def _last_pass(
    unit: Unit,
    bot: TradeBot,
    live: Sequence[Manifest],
    settings: OperatorSettings,
    pods: int,
    now: datetime | None,
) -> list[Action]:
    """Flattens before the bot is deleted: the trader restarts with the setting to sell when it is
    stopped, reconciles with the venue, and is stopped. The bot is deleted in time in any case.
    """
    assert bot.deleted_at is not None
    waited = ((now or datetime.now(UTC)) - bot.deleted_at).total_seconds()
    rest = tuple(item for item in bot.finalizers if item != FLATTEN_FINALIZER)
    if waited > settings.flatten_seconds:
        message = (
            f"the trader did not flatten {bot.spec.symbol} within {settings.flatten_seconds:g} "
            "s: check the venue, a position may remain"
        )
        return [Finalize(bot, rest, Trouble("FlattenTimedOut", message))]
    deployment = next((item for item in live if item["kind"] == "Deployment"), None)
    config = next(
        (item for item in live if deployment and reference(item)[1] == config_name(deployment)),
        None,
    )
    ordered = bool(config and config.get("data", {}).get(ON_STOP_VARIABLE) == "flatten")
    if deployment is None:
        return [Finalize(bot, rest, Trouble("NothingToFlatten", "no trader ran for this bot"))]
    if ordered and deployment["spec"].get("replicas") == 0 and pods == 0:
        message = f"the trader was told to flatten {bot.spec.symbol} and has exited"
        return [Finalize(bot, rest, Trouble("Flattened", message))]
    stopping = ordered and (
        deployment["spec"].get("replicas") == 0
        or _is_ready(deployment)
        or waited > settings.flatten_seconds * FLATTEN_START_SHARE
    )
    desired = trader_children(unit, bot, settings, replicas=0 if stopping else 1, flatten=True)
    return converge(desired, live)


def _is_ready(deployment: Manifest) -> bool:
    """Whether a pod of the current configuration, not of the previous one, reports ready."""
    status, generation = deployment.get("status", {}), deployment["metadata"].get("generation", 0)
    return bool(
        status.get("observedGeneration", -1) >= generation
        and status.get("updatedReplicas", 0) > 0
        and status.get("readyReplicas", 0) > 0
    )


def refusal(
    bot: TradeBot,
    rivals: Iterable[TradeBot],
    traders: Mapping[str, Manifest],
    settings: OperatorSettings,
) -> Trouble | None:
    """Returns why the bot may not run, if it may not.

    Of two bots with one key, the one whose trader already uses it keeps it, otherwise the older. A
    trader left over from a deleted bot keeps it until it is gone too.

    Args:
        rivals: the bots that name the same Secret; the bot itself may be among them.
        traders: by name, the live Deployments of traders that use that Secret.
    """
    environment, secret = bot.spec.venue.environment, bot.spec.venue.credentials_secret
    if environment not in settings.environments:
        served = ", ".join(settings.environments) or "none"
        return Trouble(
            "EnvironmentNotServed",
            f"this operator serves {served}: add {environment} to `environments` in the chart's "
            "values, or create a TradeBot with another spec.venue.environment",
        )
    if not secret:
        return None
    contenders = {rival.name: rival for rival in (*rivals, bot)}
    first = min(
        contenders.values(),
        key=lambda rival: (not _uses_secret(rival, traders), rival.created_at, rival.name),
    )
    strangers = sorted(set(traders) - {trader_unit(name) for name in contenders})
    if first.name == bot.name and (not strangers or _uses_secret(bot, traders)):
        return None
    holder = f"TradeBot {first.name}" if first.name != bot.name else f"Deployment {strangers[0]}"
    return Trouble(
        "KeysInUse",
        f"{holder} already uses the keys in Secret {secret}: create a separate key for each bot, "
        "because two traders with one key interfere with each other's orders",
    )


def _uses_secret(bot: TradeBot, traders: Mapping[str, Manifest]) -> bool:
    deployment = traders.get(trader_unit(bot.name))
    return deployment is not None and secret_of(deployment) == bot.spec.venue.credentials_secret


def secret_of(deployment: Manifest) -> str:
    """Returns the Secret whose keys a trader's Deployment mounts, or an empty string."""
    annotations = deployment["spec"]["template"].get("metadata", {}).get("annotations") or {}
    return str(annotations.get(SECRET_ANNOTATION, ""))
