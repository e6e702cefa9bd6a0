"""The operator's conditions of a TradeBot, each with a reason and a sentence."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from tradebot_operator.pods import Trouble, UnitState
from tradebot_operator.resource import Condition, TradeBot
from tradebot_operator.stages.strategy import STAGE as STRATEGY
from tradebot_operator.units import Unit

Status = Literal["True", "False", "Unknown"]
STARTING = "StagesStarting"
TRADER_STARTING = "TraderStarting"
NOT_READY = "StageNotReady"
DELETING = "Deleting"
FAILING = "StrategyFailing"
"""A condition of the operator, and the trader's reason for it."""
PASSING = (STARTING, TRADER_STARTING, DELETING)
"""Reasons that every bot passes through, for which no Event is emitted."""
STANDBY = "StandbyReady"
DRIFT = "ConfigDrift"
TRADER = (("Halted", "True"), ("Reconciled", "False"), ("FeedFresh", "False"))
LATER = (("WindowsFresh", "False"), ("ModelFresh", "False"))


class ConditionState(msgspec.Struct, frozen=True):
    """A condition before its times. `stalled`: what is wrong does not pass by itself."""

    status: Status
    reason: str
    message: str
    stalled: bool = False


def conditions(
    bot: TradeBot,
    refusal: Trouble | None,
    states: Sequence[tuple[Unit, UnitState]],
    failures: Mapping[str, str],
    now: datetime | None = None,
    waiting: Mapping[str, Sequence[str]] | None = None,
) -> list[dict[str, Any]]:
    """Returns the operator's conditions of the bot.

    Args:
        refusal: why the bot may not run at all.
        states: the bot's units and their states, in the order of the records' flow.
        failures: by unit, the API server's last response to a failed write.
        waiting: by stage, the edits that wait for a restart.
    """
    stages = _stages(bot, refusal, states, failures)
    code = _code(bot)
    failing = _failing(bot, states)
    ready = _ready(bot, stages, None if refusal else code, failing)
    stamp = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = [
        _item(bot, "Ready", ready, stamp),
        _item(bot, "StagesAvailable", stages, stamp),
        _item(bot, "Reconciling", _reconciling(ready), stamp),
        _item(bot, "Stalled", _stalled(ready), stamp),
        *([_item(bot, "StrategyFound", code, stamp)] if code else []),
        *([_item(bot, FAILING, failing, stamp)] if failing else []),
    ]
    if bot.applied:
        found.append(_item(bot, DRIFT, _drift(bot, waiting), stamp))
    if bot.spec.standby:
        found.append(_item(bot, STANDBY, _standby(states), stamp))
    return found


def changed(bot: TradeBot, wanted: Sequence[dict[str, Any]]) -> bool:
    """Whether the status at the API server differs."""
    if bot.observed_generation != bot.generation or bot.shown_strategy != bot.spec.strategy.label:
        return True
    if bot.shown_applied != (bot.applied.generation if bot.applied else 0):
        return True
    for item in wanted:
        shown = bot.condition(item["type"])
        if shown is None or msgspec.to_builtins(shown) != item:
            return True
    return False


def is_step(bot: TradeBot, wanted: Sequence[dict[str, Any]]) -> bool:
    """Whether a bot that is known to start has but come nearer to its work, and nothing failed."""
    shown, (ready, stages, *_) = bot.condition("Ready"), wanted
    known = bot.observed_generation == bot.generation and shown is not None
    known = known and bot.shown_applied == (bot.applied.generation if bot.applied else 0)
    starts = shown is not None and shown.reason in (STARTING, TRADER_STARTING)
    well = stages["status"] == "True" or stages["reason"] == STARTING
    return known and starts and well and ready["status"] != "True"


def _stages(
    bot: TradeBot,
    refusal: Trouble | None,
    states: Sequence[tuple[Unit, UnitState]],
    failures: Mapping[str, str],
) -> ConditionState:
    if bot.deleted_at:
        return ConditionState("False", DELETING, "the TradeBot is being deleted")
    if refusal:
        return ConditionState("False", refusal.reason, refusal.message, stalled=True)
    for unit, _ in states:
        if unit.name in failures:
            return ConditionState("False", "ApplyFailed", f"{unit.stage}: {failures[unit.name]}")
    troubles = [
        state.trouble
        for unit, state in states
        if state.trouble and not (state.running if unit.bot else state.ready)
    ]
    # Failures are reported before what only takes time, wherever in the pipeline they are.
    failed = [item for item in troubles if item.reason not in (STARTING, NOT_READY)]
    for trouble in failed or troubles:
        if trouble.reason == STARTING:
            # One sentence for all, so that a start is one write rather than one per stage.
            return ConditionState("False", STARTING, "the stages are starting")
        stalled = trouble.reason != NOT_READY
        return ConditionState("False", trouble.reason, trouble.message, stalled=stalled)
    names = _listed([unit.stage for unit, _ in states])
    return ConditionState("True", "AllAvailable", f"{names} run")


def _listed(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}"


def _code(bot: TradeBot) -> ConditionState | None:
    """Returns whether the strategy's file is there, if the bot has one."""
    if bot.code_trouble:
        reason, message = bot.code_trouble.reason, bot.code_trouble.message
        return ConditionState("False", reason, message, stalled=True)
    if bot.code is None:
        return None
    message = f"{bot.spec.strategy.label} is there; its digest is {bot.code.digest}"
    return ConditionState("True", "Found", message)


def _failing(bot: TradeBot, states: Sequence[tuple[Unit, UnitState]]) -> ConditionState | None:
    """Returns whether the strategy fails, if the bot has a strategy stage: its pod cannot run, or
    the trader reads it in the newest proposal.
    """
    if bot.spec.strategy.in_trader:
        return None
    for unit, state in states:
        trouble = state.trouble if unit.stage == STRATEGY.name else None
        if trouble and trouble.reason not in (STARTING, NOT_READY):
            return ConditionState("True", trouble.reason, trouble.message)
    told = bot.condition("ModelFresh")
    if told and told.reason == FAILING:
        return ConditionState("True", FAILING, told.message, stalled=True)
    return ConditionState("False", "Running", "no error of the strategy is known")


def _ready(
    bot: TradeBot,
    stages: ConditionState,
    code: ConditionState | None,
    failing: ConditionState | None,
) -> ConditionState:
    """Returns the first problem that keeps the bot from working, causes before effects."""
    if code and code.status != "True" and stages.reason != DELETING:
        return code
    if stages.status != "True" and stages.reason != NOT_READY:
        return stages
    for kind, bad in TRADER:
        condition = bot.condition(kind)
        if condition and condition.status == bad and not _asked_for(bot, condition):
            message = f"{kind}: {condition.message}"
            return ConditionState("False", condition.reason, message, stalled=kind == "Halted")
    if failing and failing.reason == FAILING:
        # Its stage is unready for the same reason, but does not say where the code failed.
        return ConditionState("False", FAILING, failing.message, stalled=True)
    if stages.status != "True":
        return stages
    for kind, bad in LATER:
        condition = bot.condition(kind)
        if condition and condition.status == bad:
            return ConditionState("False", condition.reason, f"{kind}: {condition.message}")
    reported = {condition.type for condition in bot.conditions}
    if not reported.issuperset(kind for kind, _ in (*TRADER, *LATER)):
        return ConditionState("False", TRADER_STARTING, "the trader has not reported yet")
    if bot.spec.mode == "Paused":
        return ConditionState(
            "True", "Paused", ("spec.mode is Paused: the feed keeps running, no order is sent")
        )
    return ConditionState("True", "Trading", f"trading {bot.spec.symbol} in mode {bot.spec.mode}")


def _reconciling(ready: ConditionState) -> ConditionState:
    """For tools of delivery: whether the bot is on its way to what its spec asks for."""
    if ready.status != "True" and not ready.stalled:
        return ConditionState("True", ready.reason, ready.message)
    return ConditionState("False", ready.reason, "nothing is in progress")


def _stalled(ready: ConditionState) -> ConditionState:
    """For tools of delivery: whether the bot waits for a person."""
    if ready.status != "True" and ready.stalled:
        return ConditionState("True", ready.reason, ready.message)
    return ConditionState("False", ready.reason, "nothing needs a person")


def _standby(states: Sequence[tuple[Unit, UnitState]]) -> ConditionState:
    """Whether a second trader could take over; without one the bot is still ready."""
    trader = next((state for unit, state in states if unit.bot), None)
    if trader is not None and trader.pods_ready > 1:
        return ConditionState("True", "StandbyReady", "a second trader follows the journal")
    other = None if trader is None else trader.other or trader.trouble
    why = other.message if other else "it is starting"
    return ConditionState("False", "NoStandby", f"no second trader can take over: {why}")


def _drift(bot: TradeBot, waiting: Mapping[str, Sequence[str]] | None) -> ConditionState:
    """Whether an edit of a bot with updatePolicy Manual waits for a restart."""
    if not waiting:
        return ConditionState("False", "UpToDate", "the stages run the TradeBot's spec")
    edits = "; ".join(f"{stage} ({', '.join(fields)})" for stage, fields in waiting.items())
    ask = f"run `kubectl tradebot restart {bot.name}` to apply the edits of"
    return ConditionState("True", "RestartNeeded", f"{ask} {edits}")


def _asked_for(bot: TradeBot, condition: Condition) -> bool:
    """Whether the trader sends no order because the spec says so, which is no problem."""
    return bot.spec.mode == "Paused" and condition.reason == "ModePaused"


def _item(bot: TradeBot, kind: str, state: ConditionState, stamp: str) -> dict[str, Any]:
    shown = bot.condition(kind)
    same = shown is not None and shown.status == state.status
    return {
        "type": kind,
        "status": state.status,
        "reason": state.reason,
        "message": state.message[:2048],
        "lastTransitionTime": shown.last_transition_time if shown and same else stamp,
        "observedGeneration": bot.generation,
    }
