"""No buy right after an order; a sell never waits."""

from typing import Final

from tradebot.domain.situation import Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "cooldown"
HOLDS: Final[Holds] = "buys"


def check(state: State, inputs: Inputs, settings: Settings, _proposal: Proposal) -> Verdict:
    """Passes if the window of the last order ended at least `cooldown_ms` before this one."""
    if not state.orders_at:
        return Verdict(gate=GATE, passed=True, reason="no order yet")
    since = inputs.window.end - state.orders_at[-1]
    wait = settings.cooldown_ms / 1000
    reason = f"{since / 1000:.0f} s since the last order; the wait is {wait:.0f} s"
    return Verdict(gate=GATE, passed=since >= settings.cooldown_ms, reason=reason)
