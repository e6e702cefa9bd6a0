"""The nonce that a killed trader had leapt to, so that its successor begins above it.

A counter nonce is the clock's milliseconds until something refuses one; then it leaps ahead of
the clock. Without this file a restarted trader would be refused until it had leapt as far again.
"""

from pathlib import Path

from tradebot.venue.account import Keys
from tradebot.venue.gemini.nonces import CounterNonces, Nonces, TimeNonces

MARGIN = 60_000
"""Beyond the last leap: nonces that were drawn after it, in one process at most one a request."""


def nonces_of(keys: Keys) -> Nonces:
    """The nonces of a key of that kind, above what an earlier process that kept them used."""
    if keys.time_based_nonce:
        return TimeNonces()
    return CounterNonces() if keys.folder is None else counter_nonces(keys.folder / "nonce")


def counter_nonces(path: Path) -> CounterNonces:
    """Nonces above all that earlier traders of the folder have used."""
    try:
        above = int(path.read_text()) + MARGIN
    except (OSError, ValueError):
        above = 0

    def remember(last: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(str(last))
        fresh.replace(path)

    return CounterNonces(above=above, leapt=remember)
