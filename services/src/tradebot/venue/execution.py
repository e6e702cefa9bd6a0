"""The settings of how orders of a signal are executed, the same in a backtest and in a trader."""

from typing import Annotated, Literal, Protocol

import msgspec

from tradebot.domain.situation import Making, Unfilled

Execution = Annotated[
    Literal["Taker", "Maker"],
    "orders of a signal: Taker fills at once, Maker rests at the best price first; exits always "
    "fill at once",
]
Reprices = Annotated[
    int, msgspec.Meta(ge=0, le=100), "how often a maker order may follow the best price"
]
WaitSeconds = Annotated[
    int,
    msgspec.Meta(ge=1),
    "exchange seconds that a maker order rests before it may follow the best price; a backtest "
    "rounds them up to whole bars",
]
AfterWaiting = Annotated[
    Unfilled,
    "the rest of a maker order after its last wait: Take crosses the spread, GiveUp cancels it",
]


class ExecutionSettings(Protocol):
    """What `making` reads."""

    @property
    def execution(self) -> Literal["Taker", "Maker"]:
        """Whether orders take or wait."""
        ...

    @property
    def maker_reprices(self) -> int:
        """How often an order follows the best price."""
        ...

    @property
    def maker_wait_seconds(self) -> int:
        """Exchange seconds at each price."""
        ...

    @property
    def maker_unfilled(self) -> Unfilled:
        """What happens to the rest."""
        ...


def making(settings: ExecutionSettings) -> Making | None:
    """Returns how maker orders wait; `None` if orders take at once."""
    if settings.execution == "Taker":
        return None
    return Making(
        reprices=settings.maker_reprices,
        wait_ms=settings.maker_wait_seconds * 1000,
        unfilled=settings.maker_unfilled,
    )
