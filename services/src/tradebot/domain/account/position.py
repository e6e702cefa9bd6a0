"""What the bot holds of its own, and what it paid for it."""

from decimal import Decimal

import msgspec

from tradebot.domain.money import ZERO


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """The open part of the current round trip. A bot without one holds nothing of its own.

    `amount` is in base currency: what the bot's fills bought and have not sold. `cost` is what was
    paid for that amount, fees included, in quote currency. `opened_at` is the exchange time (ms)
    of the fill that opened the position. `high` and `low` are the highest and the lowest sound mid
    seen since then; both start at the price of that fill.
    """

    amount: Decimal
    cost: Decimal
    opened_at: int
    high: Decimal
    low: Decimal

    @property
    def entry(self) -> Decimal:
        """The average price paid for a unit, fees included."""
        return self.cost / self.amount if self.amount else ZERO
