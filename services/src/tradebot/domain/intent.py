"""An intent: an order that was decided, named before anything is sent.

One intent makes at most one order. Its client order id contains the bot, the lease's epoch and the
intent's number, so an order found at the venue shows its owner. The venue accepts a client order id
twice, so an order belongs to an intent only if all its immutable fields agree as well.
"""

import re
from decimal import Decimal
from typing import Final, Literal

import msgspec

from tradebot.domain.making import Terms
from tradebot.domain.money import Side

_ID: Final = re.compile(r"tb-(?P<bot>[a-z0-9-]+)-(?P<epoch>\d+)-(?P<number>\d+)")


class OrderName(msgspec.Struct, frozen=True):
    """The parts of a client order id."""

    bot: str
    epoch: int
    number: int

    def __str__(self) -> str:
        return f"tb-{self.bot}-{self.epoch}-{self.number}"


def read_name(client_order_id: str) -> OrderName | None:
    """Parses a client order id; `None` if it is not one of ours.

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
    """An immediate-or-cancel order to send, or with `stop` or `maker` one that rests.

    `window_end` is the end of the window that led to it. It is 0 for an order without a window: a
    flatten, an exit between windows, or another try of an exit. `mid` is the market's at the
    decision, in quote currency, and `minimum` the symbol's smallest order then. `reduces` is true
    if it makes the position smaller; it is then sent even while the bot is halted or paused. `stop`
    is the price of a trade that turns the order into a limit order at `price`. With `maker` the
    order only adds liquidity: the venue cancels it if it would take. Times are ms of the venue's
    clock.
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
    stop: Decimal | None = None
    maker: Terms | None = None

    @property
    def rests(self) -> bool:
        """Whether the order may rest at the venue."""
        return self.stop is not None or self.maker is not None

    @property
    def option(self) -> Literal["immediate-or-cancel", "maker-or-cancel"] | None:
        """How the order executes; a stop that rests has no option."""
        if self.maker is not None:
            return "maker-or-cancel"
        return "immediate-or-cancel" if self.stop is None else None


def is_of(
    intent: Intent,
    *,
    client_order_id: str,
    symbol: str,
    side: str,
    price: Decimal,
    original: Decimal,
) -> bool:
    """Whether an order with these immutable fields is the intent's."""
    return (
        client_order_id == intent.client_order_id
        and symbol.upper() == intent.symbol.upper()
        and side == intent.side
        and price == intent.price
        and original == intent.amount
    )
