"""A trader's report about itself: the conditions that decide whether it may trade.

On one machine they are the readiness gates and a metric; in a cluster they also go to the
TradeBot's status (`tradebot.trader.cluster.status` implements `Reporter`).
"""

from collections.abc import Sequence
from typing import Final, Literal, Protocol

import msgspec

from tradebot.platform.control import Control
from tradebot.trader.bot_report import BotReport

ConditionType = Literal[
    "Reconciled",
    "FeedFresh",
    "WindowsFresh",
    "ModelFresh",
    "Halted",
    "OutsideTrades",
    "ParityHolds",
]

BAD_WHEN_TRUE: Final[frozenset[ConditionType]] = frozenset({"Halted", "OutsideTrades"})


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A condition in Kubernetes' style.

    `reason` is one word in CamelCase for programs, such as `FeedSilent`; `message` a sentence for
    users. Those in `BAD_WHEN_TRUE` are bad when true, the others when false.
    """

    type: ConditionType
    status: bool
    reason: str
    message: str


class Reporter(Protocol):
    """Where conditions and the bot's state are shown."""

    async def report(
        self,
        conditions: Sequence[Condition],
        bot: BotReport | None = None,
        obeyed: Control | None = None,
    ) -> None:
        """Shows all conditions and, if known, the bot's state and the order that was obeyed last.

        Called every few seconds.

        A failure to report never stops a trader: an implementation logs it and tries again at the
        next call.
        """
        ...

    async def close(self) -> None:
        """Releases its resources."""
        ...


class NoReporter:
    """On one machine the readiness gates are enough."""

    async def report(
        self,
        conditions: Sequence[Condition],
        bot: BotReport | None = None,
        obeyed: Control | None = None,
    ) -> None:
        """Does nothing."""

    async def close(self) -> None:
        """Does nothing."""
