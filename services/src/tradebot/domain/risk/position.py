"""The position rule: buy once, then sell what was bought.

With `holdings` of `All`, the report's rule, a sell sells all base, whoever bought it.
"""

from typing import Final

from tradebot.domain.risk import size
from tradebot.domain.situation import Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "position"
HOLDS: Final[Holds] = "signals"


def check(state: State, _inputs: Inputs, settings: Settings, proposal: Proposal) -> Verdict:
    """A buy passes if the bot has not already bought, a sell if there is something to sell."""
    if proposal.side == "buy":
        reason = "the bot has already bought" if state.bought else "the bot has not bought yet"
        return Verdict(gate=GATE, passed=not state.bought, reason=reason)
    amount = size.sellable(state, settings)
    reason = f"{amount} of base to sell" if amount > 0 else "nothing to sell"
    if settings.holdings == "Own" and state.base > amount:
        reason += f"; {state.base - amount} of base in the account is not the bot's own"
    return Verdict(gate=GATE, passed=amount > 0, reason=reason)
