"""The stop loss as an order that rests at the venue: where it triggers, its limit, and how much.

It works while the trader, its cluster or its network is down. The trader still watches by itself
and goes deeper than the resting order may: it cancels it before it sells.
"""

from decimal import Decimal

import msgspec

from tradebot.domain.exits import pricing
from tradebot.domain.money import floor_to
from tradebot.domain.situation import Increments, Settings, State


class RestingStop(msgspec.Struct, frozen=True, kw_only=True):
    """A stop-limit sell: it becomes a limit order at `limit` once a trade is at `stop` or below."""

    stop: Decimal
    limit: Decimal
    amount: Decimal


def wanted(state: State, settings: Settings, increments: Increments) -> RestingStop | None:
    """Returns the stop that should rest for the position now; `None` if none should.

    It triggers at the stop loss, rounded up to the price step so that it never triggers later. It
    may sell up to `max_slippage_bps` below that, like one attempt of an exit.
    """
    exits, held = settings.exits, state.position
    if not exits.rest_at_venue or exits.stop_loss is None or held is None or held.entry <= 0:
        return None
    amount = floor_to(min(held.amount, state.base), increments.amount_step)
    step = increments.price_step
    stop = floor_to(held.entry * (1 - exits.stop_loss) + step, step)
    limit = pricing.lowest_price(stop, exits.max_slippage_bps, step)
    if amount <= 0 or amount < increments.minimum or limit <= 0:
        return None
    return RestingStop(stop=stop, limit=limit, amount=amount)


def suits(rests: RestingStop | None, want: RestingStop | None, step: Decimal) -> bool:
    """Returns whether the resting stop may stay: same amount, trigger within one price step.

    A partly sold position has the same entry price, except for rounding.
    """
    if rests is None or want is None:
        return rests is want
    return rests.amount == want.amount and abs(rests.stop - want.stop) <= step
