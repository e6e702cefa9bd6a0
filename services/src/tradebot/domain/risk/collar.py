"""No order whose limit is far from the mid: a broken book must not cause a bad price.

A sell may reach as far as sound best prices can be: the collar must not trap a position in a market
that is only wide, or whose price step is coarse.
"""

from typing import Final

from tradebot.domain.risk.marks import sound
from tradebot.domain.situation import BPS, Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "collar"
HOLDS: Final[Holds] = "signals"


NARROWEST_STEPS: Final = 2
"""The narrowest spread, in price steps, that can be expected of a book."""


def check(_state: State, inputs: Inputs, settings: Settings, proposal: Proposal) -> Verdict:
    """Passes if the limit is within `collar_bps` of the mid, or sells into a sound book."""
    quote = inputs.quote
    if quote is None or proposal.price is None or quote.mid <= 0:
        return Verdict(gate=GATE, passed=False, reason="there is no mid price to compare with")
    mid = quote.mid
    narrow = 0 < quote.ask - quote.bid <= NARROWEST_STEPS * inputs.increments.price_step
    reachable = proposal.side == "sell" and proposal.price <= quote.ask
    if reachable and (narrow or sound(quote, settings)):
        return Verdict(gate=GATE, passed=True, reason="the best prices are valid for a sell")
    distance = abs(proposal.price - mid) / mid * BPS
    reason = (
        f"the limit price is {distance:.1f} bps from the mid; the collar is "
        f"{settings.collar_bps} bps"
    )
    return Verdict(gate=GATE, passed=distance <= settings.collar_bps, reason=reason)
