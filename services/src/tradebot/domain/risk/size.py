"""How much: a fraction of the quote balance for a buy, the bot's own position for a sell.

If `holdings` is `All`, the report's rule, a sell sells the whole base balance.

Invariant: a buy of `of_buy` at its limit price, with the taker's fee, costs at most
`risk_fraction` of the available quote balance and never takes the position above `max_position`.
"""

from decimal import Decimal
from typing import Final

from tradebot.domain.money import ZERO, floor_to
from tradebot.domain.situation import BPS, Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "size"
HOLDS: Final[Holds] = "all"


def of_buy(state: State, inputs: Inputs, settings: Settings, price: Decimal) -> Decimal:
    """Returns the amount of base that risk and `max_position` allow, on the venue's step."""
    spend = settings.risk_fraction * state.quote
    amount = spend / (price * (1 + inputs.taker_fee_bps / BPS)) if price > 0 else ZERO
    limit = most(state, inputs, settings, price)
    if limit is not None:
        amount = min(amount, limit - held(state, settings))
    return max(ZERO, floor_to(amount, inputs.increments.amount_step))


def most(state: State, inputs: Inputs, settings: Settings, price: Decimal | None) -> Decimal | None:
    """Returns the largest position in base currency at `price`; `None` without a limit."""
    limit, unit = settings.max_position, settings.max_position_unit
    if limit is None or unit == "base":
        return limit
    if inputs.quote is None or price is None or price <= 0:
        return ZERO
    value = limit if unit == "quote" else limit * state.equity(inputs.quote.mid)
    return value / price


def of_sell(state: State, inputs: Inputs, settings: Settings) -> Decimal:
    """Returns all that may be sold, on the venue's step."""
    return floor_to(sellable(state, settings), inputs.increments.amount_step)


def sellable(state: State, settings: Settings) -> Decimal:
    """Returns the available base that may be sold: the bot's position, or with `All` the balance.

    Every order that sells uses this: a signal's, an exit's and a person's.
    """
    if settings.holdings == "All":
        return state.base
    return ZERO if state.position is None else min(state.position.amount, state.base)


def held(state: State, settings: Settings) -> Decimal:
    """Returns the position that limits count: the bot's, or with `All` the base balance."""
    if settings.holdings == "All":
        return state.base + state.base_held
    return ZERO if state.position is None else state.position.amount


def check(state: State, inputs: Inputs, settings: Settings, proposal: Proposal) -> Verdict:
    """Passes if the allowed amount reaches the venue's smallest order."""
    least = inputs.increments.minimum
    passed = proposal.amount >= least and proposal.amount > 0
    reason = f"{proposal.amount} of base; the minimum order is {least}"
    limit = most(state, inputs, settings, proposal.price)
    if proposal.side == "buy" and limit is not None:
        limit = floor_to(limit, inputs.increments.amount_step)
        reason += f", the position {held(state, settings)} of {limit}"
    return Verdict(gate=GATE, passed=passed, reason=reason)
