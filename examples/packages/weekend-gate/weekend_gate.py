"""A gate: no buys on Saturdays and Sundays (UTC). Sells and exits pass."""

from typing import Any

from tradebot.domain.situation import DAY_MS, Inputs, Settings, State, Verdict

GATE, HOLDS = "weekend", "buys"
DAYS = ("Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday")
"""1 January 1970 was a Thursday."""


def check(state: State, inputs: Inputs, settings: Settings, proposal: Any) -> Verdict:
    """Passes from Monday to Friday."""
    day = DAYS[inputs.window.end // DAY_MS % 7]
    open_day = day not in ("Saturday", "Sunday")
    return Verdict(gate=GATE, passed=open_day, reason=f"it is {day}")
