"""Strategy: one unit for each strategy of a symbol, or one for each bot.

Bots share the unit of a file with a function `signals` if they have the same parameters, symbol
and resolution. A class sees its bot's account, so each bot has a unit of its own. An installed name
is treated as a class, because the operator does not have its code. The code runs without keys and
without a token, and reaches Kafka only.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tradebot_operator.builders.pod import Mount, PodPlan, common_config, shared_owners
from tradebot_operator.resource import Strategy, TradeBot
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.stages.stage import Key, Stage, market, pod_key, unusual
from tradebot_operator.units import Unit

CODE_FOLDER: Final = "/etc/tradebot/strategy"
DIGEST_ANNOTATION: Final = "tradebot.dev/strategy-digest"


OPTIONAL: Final = ("maxBars", "startSeconds", "barSeconds", "memoryMiB")
"""Settings that a unit's key has only if they differ from their defaults."""


def _is_shared(bot: TradeBot) -> bool:
    return bot.code is not None and bot.code.shared


def _key(bot: TradeBot) -> Key:
    usual, chosen = (msgspec.to_builtins(each) for each in (Strategy(), bot.spec.strategy))
    del chosen["waitMs"]  # the trader's
    strategy = unusual(chosen, usual, OPTIONAL)
    key = market(bot) | {"strategy": strategy} | pod_key(bot.spec.stages.strategy)
    return key if _is_shared(bot) else key | {"bot": bot.name}


def _is_needed(bot: TradeBot) -> bool:
    """Whether the strategy runs outside the trader, and its code is there."""
    return not bot.spec.strategy.in_trader and bot.code_trouble is None


def proposer(bot: TradeBot) -> str:
    """Whose proposals the bot's trader follows; empty if it decides by itself."""
    if bot.spec.strategy.in_trader:
        return ""
    return STAGE.unit(bot).name if _is_shared(bot) else bot.name


def _plan(unit: Unit, bots: Sequence[TradeBot], settings: OperatorSettings) -> PodPlan:
    bot, namespace = bots[0], bots[0].namespace
    strategy, mounts = bot.spec.strategy, tuple[Mount, ...]()
    config = common_config(settings, unit, namespace) | {
        "strategy": strategy.name,
        "symbol": unit.symbol,
        "resolution": strategy.resolution,
        "parameters": parameters(strategy.parameters),
        "proposer": proposer(bot),
        "max_bars": str(strategy.max_bars),
        "start_seconds": str(strategy.start_seconds),
        "bar_seconds": str(strategy.bar_seconds),
        "memory_mb": str(strategy.memory),
    }
    if not _is_shared(bot):
        config["bot"] = bot.name
    if strategy.file is not None:
        key = strategy.file.key
        config["strategy"] = f"{CODE_FOLDER}/{key}"
        items = [{"key": key, "path": key}]
        source = {"name": strategy.file.config_map, "items": items, "defaultMode": 0o444}
        mounts = (Mount("strategy", CODE_FOLDER, {"configMap": source}),)
    return PodPlan(
        unit=unit,
        namespace=namespace,
        owners=shared_owners(bots),
        image=settings.images.forecast,
        config=config,
        mounts=mounts,
        annotations={DIGEST_ANNOTATION: bot.code.digest} if bot.code else {},
        asked=bot.spec.stages.strategy,
    )


def parameters(given: dict[str, int | str]) -> str:
    """The parameters as the stage reads them, a JSON object.

    A string that writes a number, `true` or `false` is that: a resource holds no floats.

    >>> parameters({"fast": 12, "limit": "0.5", "label": "a"})
    '{"fast":12,"limit":0.5,"label":"a"}'
    """
    return msgspec.json.encode({name: _value(value) for name, value in given.items()}).decode()


def _value(value: int | str) -> Any:
    if isinstance(value, int):
        return value
    try:
        read = msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value
    return read if isinstance(read, bool | int | float) else value


STAGE: Final = Stage(
    name="strategy",
    text=lambda bot: f"{bot.spec.symbol}-{bot.spec.strategy.label}",
    key=_key,
    plan=_plan,
    needed=_is_needed,
)
