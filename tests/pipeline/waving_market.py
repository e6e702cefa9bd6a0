"""Generated minutes whose price swings, so that a demo soon buys and sells."""

import math
from pathlib import Path

DAYS = 30
MINUTE = 60_000


def waves(file: Path) -> Path:
    """Writes a month of minutes in which the price swings every half hour."""
    start = 1_700_000_040_000
    lines = []
    for minute in range(DAYS * 1440):
        at = [38_000 * (1 + 0.004 * math.sin((minute + i) * math.tau / 30)) for i in (0, 1)]
        low, high = min(at) - 3, max(at) + 3
        row = (start + minute * MINUTE, at[0], at[1], high, low)
        lines.append(",".join(f"{v:.2f}" if v < 1e6 else f"{v:.0f}" for v in row) + ",6.0")
    file.write_text("\n".join(lines) + "\n")
    return file
