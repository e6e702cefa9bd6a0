"""The market and the inputs of a hostile soak: crashes, poison and silence on top of the faults."""

import math
import random
from pathlib import Path
from typing import Final

from line import poison
from line.trader import MINUTE, TraderLine

from tradebot.records import ForecastRecord

FIRST: Final = 1_700_000_040_000
PERIOD: Final = 60
"""Minutes from one crash to the next."""
FALL: Final = 0.4
FALL_MINUTES: Final = 20

STOP: Final = 0.05
SLIPPAGE: Final = 0.05
FEES: Final = 0.01
REACTION_MINUTES: Final = 6
"""A fault, a look-up and a reconciliation take real seconds, and a second is two minutes here."""
LARGEST_LOSS: Final = 1 - (1 - STOP) * (1 - SLIPPAGE) * (1 - FEES) * (
    1 - FALL * REACTION_MINUTES / FALL_MINUTES
)
"""Of a trip: the stop, what one attempt of an exit may cost below it, fees both ways, and how far
the market falls while the trader cannot act. Without exits a trip loses up to `FALL`."""

OPTIONS: Final = (
    "--holdings", "Own", "--stop-loss", str(STOP), "--rest-at-venue",
    "--max-exit-slippage-bps", str(int(SLIPPAGE * 10_000)), "--watch-seconds", "0.3",
)  # fmt: skip


def crashing(file: Path, days: int = 20, seed: int = 1) -> Path:
    """Writes minutes in which the price falls by 40 % in every hour, and recovers."""
    dice = random.Random(seed)

    def price(minute: int) -> float:
        phase = minute % PERIOD
        fallen = min(phase, FALL_MINUTES) / FALL_MINUTES
        back = max(0, phase - FALL_MINUTES) / (PERIOD - FALL_MINUTES)
        return 11_000 * (1 - FALL * fallen * (1 - back)) + 10 * math.sin(minute)

    lines = []
    for minute in range(days * 1440):
        opening, close = price(minute), price(minute + 1)
        low, high = min(opening, close) - 2, max(opening, close) + 2
        row = f"{opening:.2f},{close:.2f},{high:.2f},{low:.2f},{dice.uniform(3, 9):.2f}"
        lines.append(f"{FIRST + minute * MINUTE},{row}")
    file.write_text("\n".join(lines) + "\n")
    return file


def in_crash(ts: int) -> bool:
    """Whether the price falls at `ts` (ms of the exchange)."""
    return (ts - FIRST) // MINUTE % PERIOD < FALL_MINUTES


def inject(line: TraderLine) -> int:
    """Writes implausible records to all topics that a trader reads; returns how many."""
    now = line.exchange_time()
    good = ForecastRecord(
        "BTCUSD", "FastProphet", "poisoned", now, now, now, MINUTE, [9.3] * 60, [], []
    )
    topics = (
        (line.topics.liquidity, poison.windows(now)),
        (line.topics.forecasts, poison.forecasts(good)),
        (line.topics.feed, poison.feed(now)),
    )
    for topic, values in topics:
        for value in values:
            line._producer.produce(topic, value, key=b"BTCUSD")
    return sum(len(values) for _, values in topics)


class Storm:
    """Strikes as the run goes on; `struck` counts what did."""

    def __init__(self, line: TraderLine, seed: int) -> None:
        self._line = line
        self._dice = random.Random(seed)
        self._next = {"poison": 5.0, "silence": 12.0}
        self._quiet_until = 0.0
        self.poisoned = 0
        self.silences = 0
        self.crashes = 0

    def blow(self, seconds: float) -> None:
        """Does what is due `seconds` after the start."""
        if seconds >= self._next["poison"]:
            self._next["poison"] = seconds + self._dice.uniform(4, 10)
            self.poisoned += inject(self._line)
            self._line._forecast()  # as a forecaster does: a restarted trader reads the last few
        if seconds >= self._next["silence"]:
            self._next["silence"] = seconds + self._dice.uniform(15, 40)
            self._quiet_until = seconds + self._dice.uniform(2, 6)
            self.silences += 1
        quiet = seconds < self._quiet_until
        self._line.talking = self._line.windowing = not quiet

    def losses(self) -> list[float]:
        """What each trip lost, as a fraction of what it cost; negative for a gain."""
        scores = self._line.of_kind("score")
        return [-score["body"]["return_fraction"] for score in scores]
