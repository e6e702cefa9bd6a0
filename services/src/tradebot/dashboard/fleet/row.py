"""One bot in the list: how it does, in figures and in a sentence. Pure."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from tradebot.platform.control import Control

State = Literal["trading", "paused", "halted", "unready", "stopped"]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One bot. Amounts are decimal strings, empty if unknown.

    `order` is the last that a person gave; `pending` is whether its trader has yet to obey it.
    """

    bot: str
    symbol: str
    mode: str
    state: State
    reason: str
    position: str = ""
    equity: str = ""
    profit: str = ""
    decision: str = ""
    why: str = ""
    strategy: str = ""
    order: Control | None = None
    pending: bool = False


def of_resource(body: Mapping[str, Any]) -> Row:
    """Returns a TradeBot's row."""
    spec, status = body["spec"], body.get("status") or {}
    figures = status.get("bot") or {}
    conditions = {each["type"]: each for each in status.get("conditions", ())}
    order = _control(spec.get("control"))
    last = figures.get("lastDecision") or {}
    state, reason = _state(conditions)
    return Row(
        bot=body["metadata"]["name"],
        symbol=spec["symbol"],
        mode=spec.get("mode", "Paper"),
        state=state,
        reason=reason,
        position=figures.get("position", ""),
        equity=figures.get("equity", ""),
        profit=figures.get("profit", ""),
        decision=last.get("action", ""),
        why=last.get("reason", ""),
        strategy=status.get("strategy", ""),
        order=order,
        pending=order is not None and order != _control(status.get("control")),
    )


def of_trader(status: Mapping[str, Any]) -> Row:
    """Returns the row of a trader on this machine, from its own status."""
    conditions = {each["type"]: _as_resource(each) for each in status.get("conditions", ())}
    state, reason = _state(conditions)
    realised, unrealised = float(status["realised"]), float(status["unrealised"])
    return Row(
        bot=status["bot"],
        symbol=status["symbol"],
        mode=status["mode"],
        state=state,
        reason=reason,
        position=status["sells"],
        equity=status["equity"],
        profit=f"{realised + unrealised:.2f}",
    )


def silent(bot: str, symbol: str, mode: str) -> Row:
    """Returns the row of a bot that has documents, but no trader that can be asked."""
    reason = "no trader of this bot can be reached"
    return Row(bot=bot, symbol=symbol, mode=mode, state="stopped", reason=reason)


def _state(conditions: Mapping[str, Mapping[str, Any]]) -> tuple[State, str]:
    """Returns the state, and the sentence that explains it."""
    halted = conditions.get("Halted", {})
    if halted.get("status") == "True":
        limit = halted["reason"] == "LimitReached"
        return ("halted" if limit else "paused"), halted["message"]
    ready = conditions.get("Ready", {})
    if ready.get("status") == "False":
        return "unready", ready["message"]
    for kind in ("Reconciled", "FeedFresh", "WindowsFresh", "ModelFresh"):
        if conditions.get(kind, {}).get("status") == "False":
            return "unready", conditions[kind]["message"]
    if not conditions:
        return "unready", "nothing has been reported yet"
    return "trading", ready.get("message") or "ready, and trading"


def _as_resource(condition: Mapping[str, Any]) -> dict[str, Any]:
    return {**condition, "status": "True" if condition["status"] else "False"}


def _control(found: Any) -> Control | None:
    try:
        return msgspec.convert(found, Control) if found else None
    except msgspec.ValidationError:
        return None
