"""Sells everything because a person asked for it."""

from typing import Final

from tradebot.domain.situation import FLATTEN, State, Verdict

EXIT: Final = FLATTEN


def check(state: State) -> Verdict:
    """Closes while a person's order to flatten is not done."""
    if state.flattening:
        return Verdict(
            gate=EXIT, passed=False, reason=(f"a person asked to flatten: {state.flattening}")
        )
    return Verdict(gate=EXIT, passed=True, reason="nobody asked to flatten")
