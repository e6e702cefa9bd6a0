"""The gates, in the order in which they are checked.

A gate is a module with `GATE`, its name; `HOLDS`, what it holds back; and `check`. To add one here,
write a file next to this one and list it in `OURS`. A gate of another package is an entry point
`tradebot.gates` and comes after ours: the installed packages are part of the code that runs.
"""

from importlib.metadata import entry_points
from typing import Final, Protocol

from tradebot.domain.risk import (
    band,
    collar,
    completeness,
    cooldown,
    daily_loss,
    drawdown,
    edge,
    exit_price,
    feed,
    halt,
    in_flight,
    journal,
    market_status,
    model,
    order_rate,
    position,
    reconciliation,
    size,
    window_age,
)
from tradebot.domain.situation import Holds, Inputs, Proposal, Settings, State, Verdict

GROUP: Final = "tradebot.gates"


class Gate(Protocol):
    """A gate: its name, what it holds back, and its verdict on a proposed order."""

    @property
    def GATE(self) -> str:  # noqa: N802  # a module's constant
        """Its name, in decisions, documents and metrics."""
        ...

    @property
    def HOLDS(self) -> Holds:  # noqa: N802
        """What it holds back."""
        ...

    def check(
        self, state: State, inputs: Inputs, settings: Settings, proposal: Proposal, /
    ) -> Verdict:
        """Whether the order may pass, and why."""
        ...


OURS: Final[tuple[Gate, ...]] = (
    daily_loss,
    drawdown,
    halt,
    reconciliation,
    journal,
    in_flight,
    market_status,
    exit_price,
    window_age,
    feed,
    model,
    completeness,
    band,
    position,
    edge,
    cooldown,
    order_rate,
    size,
    collar,
)


def installed() -> tuple[Gate, ...]:
    """Returns the gates of other packages, by name."""
    points = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    return tuple(point.load() for point in points)


GATES: Final[tuple[Gate, ...]] = (*OURS, *installed())

WATCHES: Final = tuple(gate for gate in GATES if gate.HOLDS == "windows")
"""Checked in every window, whatever the signal: they can halt the bot."""

BUY_GATES: Final = tuple(gate for gate in GATES if gate.HOLDS in ("buys", "signals", "all"))
SELL_GATES: Final = tuple(gate for gate in GATES if gate.HOLDS in ("signals", "all"))
"""A sell reduces risk: neither the band, the model's age, an incomplete window nor the number of
orders holds it back."""
EXIT_GATES: Final = tuple(gate for gate in GATES if gate.HOLDS in ("exits", "all"))
"""What can hold an exit back: a halt under `on_breach` Hold, an unreconciled account, no price, or
nothing to sell."""
