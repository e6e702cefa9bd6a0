"""Kubernetes Events about TradeBots, and reasons in the Events of a waiting pod."""

from datetime import UTC, datetime
from typing import Any

from tradebot_operator.naming import MANAGER
from tradebot_operator.pods import Trouble
from tradebot_operator.resource import TradeBot

_TELLING = ("FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "FailedScheduling")


def event(bot: TradeBot, kind: str, reason: str, message: str) -> dict[str, Any]:
    """Returns an Event about a TradeBot; `kind` is Normal or Warning."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{bot.name}.", "namespace": bot.namespace},
        "involvedObject": bot.reference | {"namespace": bot.namespace},
        "type": kind,
        "reason": reason,
        "message": message[:1024],
        "source": {"component": MANAGER},
        "reportingComponent": MANAGER,
        "reportingInstance": MANAGER,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


def trouble_of(stage: str, events: list[dict[str, Any]]) -> Trouble | None:
    """Returns why a pod waits, from the newest of its Events that says so."""
    telling = [item for item in events if item.get("reason") in _TELLING]
    if not telling:
        return None
    newest = max(telling, key=lambda item: str(item.get("lastTimestamp") or ""))
    message = str(newest.get("message", ""))
    if 'secret "' in message and "not found" in message:
        name = message.split('secret "', 1)[1].split('"', 1)[0]
        return Trouble(
            "SecretMissing",
            f"{stage} waits for Secret {name}: create it in this namespace to start the bot",
        )
    if "non-existent config key" in message or "references non-existent" in message:
        return Trouble("SecretIncomplete", f"{stage} waits: {_short(message)}")
    return Trouble(str(newest["reason"]), f"{stage} waits: {_short(message)}")


def _short(message: str) -> str:
    return message.replace("\n", " ")[:400]
