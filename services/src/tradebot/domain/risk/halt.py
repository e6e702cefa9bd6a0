"""No order while a person or a limit has stopped the bot."""

from typing import Final

from tradebot.domain.situation import Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "halt"
HOLDS: Final[Holds] = "all"


def check(state: State, _inputs: Inputs, _settings: Settings, _proposal: Proposal) -> Verdict:
    """Passes unless the bot is halted or paused; both are lifted by a person only."""
    if state.halted:
        return Verdict(gate=GATE, passed=False, reason=f"halted: {state.halted}")
    if state.paused:
        return Verdict(gate=GATE, passed=False, reason=f"paused: {state.paused}")
    return Verdict(gate=GATE, passed=True, reason="neither halted nor paused")
