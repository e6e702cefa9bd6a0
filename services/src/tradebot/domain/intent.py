"""An intent: an order that was decided on, named before anything is sent.

One intent makes at most one order. Its client order id holds the bot, the lease's epoch and the
intent's number, so that an order found at the venue tells whose it is and since when. The venue
lets a client order id be used twice, so an order is known as an intent's only if all its
immutable fields agree as well.
"""

import re
from decimal import Decimal
from typing import Final

import msgspec

from tradebot.domain.money import Side

_ID: Final = re.compile(r"tb-(?P<bot>[a-z0-9-]+)-(?P<epoch>\d+)-(?P<number>\d+)")


class OrderName(msgspec.Struct, frozen=True):
    """What a client order id says."""

    bot: str
    epoch: int
    number: int

    def __str__(self) -> str:
        return f"tb-{self.bot}-{self.epoch}-{self.number}"


def read_name(client_order_id: str) -> OrderName | None:
    """The name that a client order id holds, or `None` if it is not one of ours.

    >>> read_name("tb-my-bot-3-17")
    OrderName(bot='my-bot', epoch=3, number=17)
    >>> read_name("470135") is None
    True
    """
    match = _ID.fullmatch(client_order_id)
    if match is None:
        return None
    return OrderName(match["bot"], int(match["epoch"]), int(match["number"]))


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """An order to send, at once or cancel.

    `window_end` is the end of the window that led to it, 0 where no window did: for a person's
    order to flatten, an exit between windows, or a further try of an exit. `mid` is the market's at
    the decision, in quote currency, and `minimum` the symbol's smallest order then. `reduces` says
    that it makes the position smaller and goes out though the bot is halted or paused. Times are ms
    of the venue's clock.
    """

    client_order_id: str
    epoch: int
    number: int
    decision_id: str
    symbol: str
    side: Side
    amount: Decimal
    price: Decimal
    mid: Decimal
    window_end: int
    created: int
    reduces: bool = False
    minimum: Decimal = Decimal(0)


def is_of(
    intent: Intent,
    *,
    client_order_id: str,
    symbol: str,
    side: str,
    price: Decimal,
    original: Decimal,
) -> bool:
    """Whether an order with these fields is the intent's, by all that never changes of an order."""
    return (
        client_order_id == intent.client_order_id
        and symbol.upper() == intent.symbol.upper()
        and side == intent.side
        and price == intent.price
        and original == intent.amount
    )
