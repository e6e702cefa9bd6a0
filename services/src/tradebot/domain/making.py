"""A maker order: it rests at the touch, is repriced as the touch moves, then is taken or given up.

Time is divided into periods of `Making.wait_ms` from the decision on. At the start of each later
period the order is looked at. If the touch has moved away it is cancelled and placed again at the
new touch, so it is repriced at most `reprices` times. After the last period the rest is taken with
an order that crosses the spread, or given up. No order is ever worse than the decision's limit.

An order whose last period ended more than one period ago belongs to a decision that is too old: it
is given up, whatever the settings.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from tradebot.domain.money import Side, limit_price
from tradebot.domain.situation import Making, Quote

Step = Literal["wait", "reprice", "take", "give_up"]


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a maker order inherits from its decision.

    `started` is the venue's time (ms) of the first order of the chain, `limit` the worst price.
    """

    started: int
    limit: Decimal


class Resting(msgspec.Struct, frozen=True, kw_only=True):
    """The newest order of a chain: its price, when it was placed (ms), and whether it rests.

    An order that the venue cancelled on arrival, because it would have taken, does not rest.
    """

    side: Side
    price: Decimal
    created: int
    rests: bool
    terms: Terms


def touch_price(side: Side, quote: Quote, limit: Decimal, price_step: Decimal) -> Decimal:
    """Returns the best price of the order's own side, no worse than `limit`, on the price step."""
    best = min(quote.bid, limit) if side == "buy" else max(quote.ask, limit)
    return limit_price(side, best, price_step)


def period(terms: Terms, at: int, making: Making) -> int:
    """Returns the number of the period at `at` (ms); the first is 0."""
    return (at - terms.started) // making.wait_ms


def next_step(order: Resting, quote: Quote, now: int, making: Making, price_step: Decimal) -> Step:
    """Returns what to do with the order at `now` (ms)."""
    at = period(order.terms, now, making)
    if at <= period(order.terms, order.created, making):
        return "wait"
    if at > making.reprices + 1:
        return "give_up"
    if at > making.reprices:
        return "take" if making.unfilled == "Take" else "give_up"
    touch = touch_price(order.side, quote, order.terms.limit, price_step)
    moved = touch > order.price if order.side == "buy" else touch < order.price
    return "reprice" if moved or not order.rests else "wait"
