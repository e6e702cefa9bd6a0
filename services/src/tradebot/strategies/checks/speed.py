"""Speed: how long a live bar takes."""

import statistics

from tradebot.strategies.checks.finding import Finding
from tradebot.strategies.checks.rows import Candidate
from tradebot.strategies.interface import Bars

BARS = 10_000
RUNS = 15
GOAL_MS = 20.0
"""Goal for the time from a bar's close to its proposal."""


def check(candidate: Candidate, bars: Bars) -> Finding:
    """Times the newest row on the newest bars; a slow strategy passes too, with its time.

    A function of arrays recomputes all rows at each bar, a class only the newest.
    """
    newest = bars.rows(max(0, len(bars.ts) - BARS), len(bars.ts))
    milliseconds = 1000 * statistics.median(candidate.seconds(newest, RUNS))
    text = f"the newest row takes {milliseconds:.2g} ms on {len(newest.ts):,} bars"
    if milliseconds > GOAL_MS:
        text += f": more than {GOAL_MS:g} ms, so that proposals come late"
    return Finding(check="speed", passed=True, reason=text, milliseconds=milliseconds)
