"""No buy while a person or a limit has stopped the bot."""

from typing import Final

from tradebot.domain.situation import FLATTEN, Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "halt"
HOLDS: Final[Holds] = "all"


def check(state: State, _inputs: Inputs, settings: Settings, proposal: Proposal) -> Verdict:
    """Passes unless the bot is halted or paused; only a person lifts either.

    Sells pass unless `on_breach` is Hold. A flatten always passes.
    """
    why = f"halted: {state.halted}" if state.halted else f"paused: {state.paused}"
    if not state.halted and not state.paused:
        return Verdict(gate=GATE, passed=True, reason="neither halted nor paused")
    if proposal.exit == FLATTEN:
        return Verdict(gate=GATE, passed=True, reason=f"{why}; a person's request is carried out")
    if proposal.side == "sell" and settings.on_breach != "Hold":
        return Verdict(gate=GATE, passed=True, reason=f"{why}; sells continue")
    return Verdict(gate=GATE, passed=False, reason=why)
