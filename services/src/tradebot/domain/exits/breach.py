"""Sells everything once a limit has halted the bot, where the owner asked for that."""

from typing import Final

from tradebot.domain.situation import Settings, State, Verdict

EXIT: Final = "breach"


def check(state: State, settings: Settings, halt: str) -> Verdict:
    """Closes under `on_breach` Flatten when the bot is halted, or `halt` says that it will be."""
    if settings.on_breach != "Flatten":
        return Verdict(gate=EXIT, passed=True, reason="a breached limit does not sell")
    why = state.halted or halt
    if not why:
        return Verdict(gate=EXIT, passed=True, reason="no limit is breached")
    return Verdict(gate=EXIT, passed=False, reason=f"halted, and onBreach is Flatten: {why}")
