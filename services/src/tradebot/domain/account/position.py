"""The bot's own position, and what it paid for it."""

from decimal import Decimal

import msgspec

from tradebot.domain.money import ZERO


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """The open part of the current trip.

    `amount` is in base currency: what the bot's fills bought and have not sold. `cost` is what that
    amount cost, fees included, in quote currency. `opened_at` is the exchange time (ms) of the
    opening fill. `high` and `low` are the highest and the lowest sound mid since then; both start
    at that fill's price.
    """

    amount: Decimal
    cost: Decimal
    opened_at: int
    high: Decimal
    low: Decimal

    @property
    def entry(self) -> Decimal:
        """The average price per unit, fees included."""
        return self.cost / self.amount if self.amount else ZERO
