"""An order at a test's venue."""

from dataclasses import dataclass, field
from decimal import Decimal

from tradebot.domain.intent import Intent
from tradebot.venue.port import OwnTrade


@dataclass
class Resting:
    """An order at the venue."""

    intent: Intent
    order_id: str
    trades: list[OwnTrade] = field(default_factory=list)
    live: bool = False
    reason: str = ""
    fills_late: bool = False
    triggered: bool = False

    @property
    def left(self) -> Decimal:
        return self.intent.amount - self.executed

    @property
    def executed(self) -> Decimal:
        return sum((trade.amount for trade in self.trades), Decimal(0))
