"""No exit without a price to sell at."""

from typing import Final

from tradebot.domain.situation import Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "exit_price"
HOLDS: Final[Holds] = "exits"


def check(_state: State, inputs: Inputs, _settings: Settings, proposal: Proposal) -> Verdict:
    """Passes if the exit has a floor price; otherwise the next check tries again."""
    if proposal.price is not None:
        return Verdict(gate=GATE, passed=True, reason=f"sells down to {proposal.price}")
    if inputs.quote is None:
        reason = "the venue's prices are not known"
    else:
        reason = (
            f"bid {inputs.quote.bid} and ask {inputs.quote.ask} are not valid, and there is no "
            "last trade to sell at"
        )
    return Verdict(gate=GATE, passed=False, reason=reason)
