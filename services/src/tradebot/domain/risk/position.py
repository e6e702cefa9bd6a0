"""The position rule: buy once, then sell what was bought. A strategy may propose to buy more.

With `holdings` of `All`, the report's rule, a sell sells all base, whoever bought it.
"""

from typing import Final

from tradebot.domain.risk import size
from tradebot.domain.situation import Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "position"
HOLDS: Final[Holds] = "signals"


def check(state: State, inputs: Inputs, settings: Settings, proposal: Proposal) -> Verdict:
    """A buy passes if the bot has not already bought, a sell if there is something to sell."""
    if proposal.side == "buy":
        suggestion = inputs.suggestion if settings.proposer else None
        if state.bought and suggestion is not None and suggestion.adds:
            reason = f"{suggestion.strategy} may add to the position"
            return Verdict(gate=GATE, passed=True, reason=reason)
        reason = "the bot has already bought" if state.bought else "the bot has not bought yet"
        return Verdict(gate=GATE, passed=not state.bought, reason=reason)
    amount = size.sellable(state, settings)
    reason = f"{amount} of base to sell" if amount > 0 else "nothing to sell"
    if settings.holdings == "Own" and state.base > amount:
        reason += f"; {state.base - amount} of base in the account is not the bot's own"
    return Verdict(gate=GATE, passed=amount > 0, reason=reason)
