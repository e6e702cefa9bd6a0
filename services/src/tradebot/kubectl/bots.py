"""Which objects of a cluster belong to a bot, and how a bot is shown. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

Object = Mapping[str, Any]

BOT: Final = "tradebot.dev/bot"
STAGE: Final = "tradebot.dev/stage"
SYMBOL: Final = "tradebot.dev/symbol"
ENVIRONMENT: Final = "tradebot.dev/environment"

FLOW: Final = ("ingest", "liquidity", "forecast", "strategy", "trader")
"""Stages in the order in which records flow."""


def serves(item: Object, bot: Object) -> bool:
    """Whether a pod or Deployment runs a stage that the bot uses, alone or with others."""
    labels = item["metadata"].get("labels", {})
    spec = bot["spec"]
    environment = spec.get("venue", {}).get("environment", "Sandbox")
    return (
        STAGE in labels
        and labels.get(ENVIRONMENT) == environment
        and labels.get(SYMBOL, spec["symbol"]) == spec["symbol"]
        and labels.get(BOT, bot["metadata"]["name"]) == bot["metadata"]["name"]
    )


def in_flow(items: Sequence[Object]) -> list[Object]:
    """The items in the order in which records flow through their stages."""

    def place(item: Object) -> tuple[int, str]:
        stage = item["metadata"]["labels"][STAGE]
        return (FLOW.index(stage) if stage in FLOW else len(FLOW), item["metadata"]["name"])

    return sorted(items, key=place)


def condition(bot: Object, kind: str) -> Mapping[str, Any]:
    """The bot's condition of a kind; empty if it has none."""
    conditions = bot.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == kind), {})


def lines(bot: Object, pods: Sequence[Object]) -> list[str]:
    """What a person wants to know of a bot: is it healthy, what does it hold, and if not, why."""
    name, spec = bot["metadata"]["name"], bot["spec"]
    ready = condition(bot, "Ready")
    health = {"True": "ready", "False": "not ready"}.get(ready.get("status", ""), "starting")
    shown = [
        f"{name}: {spec['symbol']}, {spec.get('mode', 'Paper')}, {health}"
        + (f" ({ready['reason']}: {ready['message']})" if ready else "")
    ]
    numbers = bot.get("status", {}).get("bot", {})
    shown += [f"  {_words(key):<22} {_value(value)}" for key, value in numbers.items()]
    for each in bot.get("status", {}).get("conditions", []):
        shown.append(f"  {each['status']:<7} {each['type']}: {each['message']}")
    for pod in in_flow(pods):
        shown.append(f"  pod     {pod['metadata']['name']}: {_phase(pod)}")
    return shown


def _phase(pod: Object) -> str:
    containers = pod.get("status", {}).get("containerStatuses", [])
    restarts = sum(each.get("restartCount", 0) for each in containers)
    ready = bool(containers) and all(each.get("ready") for each in containers)
    phase = pod.get("status", {}).get("phase", "Unknown")
    return f"{phase}, {'ready' if ready else 'not ready'}, {restarts} restarts"


def _words(key: str) -> str:
    """A key as words.

    >>> _words("lastDecision")
    'last decision'
    """
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in key)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{_words(key)} {_value(each)}" for key, each in value.items())
    return str(value)
