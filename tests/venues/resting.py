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

    def arrive(self, bid: Decimal) -> "Resting":
        """Lets the order rest, unless it is a maker order that would take around `bid`."""
        intent = self.intent
        crosses = intent.price > bid if intent.side == "buy" else intent.price <= bid
        self.live = intent.maker is None or not crosses
        self.reason = "" if self.live else "MakerOrCancelWouldTake"
        return self

    def is_through(self, bid: Decimal) -> bool:
        """Whether the order waits as maker and trades around `bid` have gone through its price."""
        if not self.live or self.intent.maker is None:
            return False
        return bid < self.intent.price if self.intent.side == "buy" else bid > self.intent.price
