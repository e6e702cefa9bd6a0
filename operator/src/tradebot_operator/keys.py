"""The keys of the work queue, and how long changes of a key are collected."""

from typing import Literal, NamedTuple

from tradebot_operator.resource import TradeBot
from tradebot_operator.stages.trader import trader_unit

STATUS_DELAY = 0.5
"""Seconds during which changes of a bot's children are collected into one status check."""
GATHER_DELAY = 1.0
"""Seconds during which new bots of a shared unit are collected into one run."""


class Key(NamedTuple):
    """A work item: a unit's children, a bot's status, the canary, or a sweep of a kind; `name` is
    the unit's, the bot's or the kind's.
    """

    kind: Literal["unit", "bot", "canary", "sweep"]
    namespace: str = ""
    name: str = ""


def patience(key: Key) -> float:
    """Returns the delay before a changed TradeBot is checked: none for its own unit."""
    if key.kind == "bot":
        return STATUS_DELAY
    return 0.0 if key.name.startswith(trader_unit("")) else GATHER_DELAY


def desired(bot: TradeBot | None) -> tuple[object, ...]:
    """Returns everything of a bot that its units depend on; its status is not among it."""
    if bot is None:
        return ()
    return bot.uid, bot.spec, bot.deleted_at, bot.finalizers, bot.code, bot.code_trouble
