"""What a bot wants at a window's end, before the gates: by the report's rule or by its strategy.

Without a `proposer` the side is the forecast's, and a buy spends the risk fraction. With one the
strategy's suggestion takes the place of the signal: its side, at most its size, and no worse a
price than its limit. Risk and limits stay the bot's own: of two sizes or prices the one with less
risk counts.
"""

from decimal import Decimal
from typing import NamedTuple

import msgspec

from tradebot.domain.money import ZERO, Side, floor_to, limit_price
from tradebot.domain.risk import model, size, window_age
from tradebot.domain.signal import signal_of
from tradebot.domain.situation import (
    BPS,
    Action,
    Exits,
    Inputs,
    Prediction,
    Proposal,
    Settings,
    State,
    Suggestion,
)


class Wish(NamedTuple):
    """The side that is wanted, and why."""

    side: Action
    reason: str


def wish_of(inputs: Inputs, settings: Settings, delta: float | None) -> Wish:
    """The wish of the report's rule, or of the strategy that the bot follows."""
    if settings.proposer:
        return _suggested(inputs, settings)
    signal = signal_of(delta)
    if signal == "hold":
        return Wish(signal, _no_signal(inputs.prediction))
    way = "rises" if signal == "buy" else "falls"
    return Wish(signal, f"the forecast {way} over the next step and every gate passes")


def _suggested(inputs: Inputs, settings: Settings) -> Wish:
    suggestion = _valid(inputs)
    if suggestion is None:
        found = inputs.suggestion
        late = "" if found is None else f"; the newest is of the bar that ended at {found.bar_end}"
        return Wish("hold", f"no proposal of {settings.proposer} for this window has come{late}")
    if suggestion.failing:
        return Wish("hold", f"{suggestion.strategy} failed: {suggestion.failing}")
    waits = "" if suggestion.side == "hold" else _waits(suggestion, inputs)
    if waits:
        return Wish("hold", f"{suggestion.reason}: {waits}")
    return Wish(suggestion.side, suggestion.reason or f"{suggestion.strategy} gave no reason")


def _valid(inputs: Inputs) -> Suggestion | None:
    """The suggestion, if it is for this window's end."""
    found = inputs.suggestion
    return found if found is not None and found.bar_end == inputs.window.end else None


def _waits(suggestion: Suggestion, inputs: Inputs) -> str:
    """Why the market has not reached the suggestion's price, or "". The gates judge a lack of
    prices."""
    if inputs.quote is None:
        return ""
    buys = suggestion.side == "buy"
    best = inputs.quote.ask if buys else inputs.quote.bid
    name = "ask" if buys else "bid"
    limit, stop = suggestion.limit, suggestion.stop
    if limit is not None and (best > limit if buys else best < limit):
        return f"the {name} {best} has not reached its limit {limit}"
    if stop is not None and (best < stop if buys else best > stop):
        return f"the {name} {best} has not reached its stop {stop}"
    return ""


def _no_signal(prediction: Prediction | None) -> str:
    if prediction is None:
        return "no forecast covers this minute and the next"
    if not prediction.plausible:
        return "the forecast is not the logarithm of a possible price"
    return "the forecast is flat over the next step"


def usable(
    state: State, inputs: Inputs, settings: Settings, wanted: Proposal, delta: float | None
) -> bool:
    """Whether window and forecast, or window and suggestion, could be traded on."""
    if not window_age.check(state, inputs, settings, wanted).passed:
        return False
    if settings.proposer:
        suggestion = _valid(inputs)
        return suggestion is not None and not suggestion.failing
    return delta is not None and model.check(state, inputs, settings, wanted).passed


def order_of(signal: Action, state: State, inputs: Inputs, settings: Settings) -> Proposal:
    """Proposes the order: its limit, and as much as risk, limits and the suggestion allow."""
    side: Side = "sell" if signal == "sell" else "buy"
    if inputs.quote is None:
        return Proposal(side=side, amount=ZERO, price=None)
    suggestion = _valid(inputs) if settings.proposer else None
    reach = settings.slippage_bps / BPS
    best = inputs.quote.ask * (1 + reach) if side == "buy" else inputs.quote.bid * (1 - reach)
    if suggestion is not None and suggestion.limit is not None:
        better = min if side == "buy" else max
        best = better(best, suggestion.limit)
    price = limit_price(side, best, inputs.increments.price_step)
    amount = _amount(side, state, inputs, settings, price, suggestion)
    return Proposal(side=side, amount=amount, price=price)


def _amount(
    side: Side,
    state: State,
    inputs: Inputs,
    settings: Settings,
    price: Decimal,
    suggestion: Suggestion | None,
) -> Decimal:
    if suggestion is None:
        if side == "sell":
            return size.of_sell(state, inputs, settings)
        return size.of_buy(state, inputs, settings, price)
    wanted = floor_to(suggestion.size, inputs.increments.amount_step)
    if side == "sell":
        most = size.of_sell(state, inputs, settings)
        return min(most, wanted) if suggestion.size else most
    if suggestion.sizing == "Amount":
        return min(wanted, size.of_buy(state, inputs, settings, price))
    share = min(settings.risk_fraction, suggestion.size)
    less = msgspec.structs.replace(settings, risk_fraction=share)
    return size.of_buy(state, inputs, less, price)


def tightened(exits: Exits, wanted: Exits | None) -> Exits:
    """The bot's exits, and a proposal's where they close a position earlier."""
    if wanted is None:
        return exits
    pairs = {
        name: [each for each in (getattr(exits, name), getattr(wanted, name)) if each is not None]
        for name in ("stop_loss", "trailing_stop", "take_profit", "max_hold_ms", "no_signal_ms")
    }
    return msgspec.structs.replace(
        exits, **{name: min(found) for name, found in pairs.items() if found}
    )
