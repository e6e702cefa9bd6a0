"""Stores the nonce that a trader has jumped to, so that its successor starts above it.

A counter nonce is the clock's milliseconds until one is refused; then it jumps ahead of the clock.
Without this file a restarted trader would be refused until it had jumped as far again.
"""

from pathlib import Path

from tradebot.platform.private import open_private
from tradebot.venue.account import Keys
from tradebot.venue.gemini.nonces import CounterNonces, Nonces, TimeNonces

MARGIN = 60_000
"""Added to the last jump: covers the nonces used after it, at most one per request."""


def nonces_of(keys: Keys) -> Nonces:
    """Returns the nonces of a key of that kind, above what an earlier process stored."""
    if keys.time_based_nonce:
        return TimeNonces()
    return CounterNonces() if keys.folder is None else counter_nonces(keys.folder / "nonce")


def counter_nonces(path: Path) -> CounterNonces:
    """Returns nonces above all that earlier traders of the folder used."""
    try:
        above = int(path.read_text()) + MARGIN
    except (OSError, ValueError):
        above = 0

    def remember(last: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        with open_private(fresh, "w") as out:
            out.write(str(last))
        fresh.replace(path)

    return CounterNonces(above=above, leapt=remember)
