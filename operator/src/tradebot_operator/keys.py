"""The keys of the work queue, and how long what happened to one is gathered."""

from typing import Literal, NamedTuple

from tradebot_operator.stages.trader import trader_unit

STATUS_DELAY = 0.5
"""Seconds in which what happens to a bot's children is gathered into one look at its status."""
GATHER_DELAY = 1.0
"""Seconds in which the bots that come to a shared unit are gathered into one look at it."""


class Key(NamedTuple):
    """What is to be looked at: a unit's children, a bot's status, the canary, or what of a kind of
    objects is gone unseen; `name` is the unit's, the bot's or the kind's.
    """

    kind: Literal["unit", "bot", "canary", "sweep"]
    namespace: str = ""
    name: str = ""


def patience(key: Key) -> float:
    """Seconds until a changed TradeBot is looked at: its own unit at once."""
    if key.kind == "bot":
        return STATUS_DELAY
    return 0.0 if key.name.startswith(trader_unit("")) else GATHER_DELAY
