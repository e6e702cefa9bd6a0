"""All exits together: what each says of the position now."""

from decimal import Decimal
from typing import Final, Protocol

from tradebot.domain.account.position import Position
from tradebot.domain.exits import (
    breach,
    flatten,
    max_hold,
    no_signal,
    stop_loss,
    take_profit,
    trailing_stop,
)
from tradebot.domain.exits.sight import Sight, fair_price
from tradebot.domain.risk import size
from tradebot.domain.situation import Exits, Inputs, Settings, State, Verdict


class Policy(Protocol):
    """A file of `domain/exits`: its name, and whether the position may stay."""

    @property
    def EXIT(self) -> str:  # noqa: N802
        """Its name."""
        ...

    def check(self, held: Position, sight: Sight, exits: Exits, /) -> Verdict:
        """Whether the position may stay."""
        ...


POLICIES: Final[tuple[Policy, ...]] = (stop_loss, trailing_stop, take_profit, max_hold, no_signal)

DUST: Final = Decimal("1e-18")
"""An amount that no venue trades, for symbols without a smallest order."""

NAMES: Final = (flatten.EXIT, breach.EXIT, *(policy.EXIT for policy in POLICIES))
"""What a decision's `exit` may name, in the order in which it is asked."""


def judge(state: State, inputs: Inputs, settings: Settings, halt: str) -> tuple[Verdict, ...]:
    """The verdict of each exit; the first that does not pass closes the position.

    Args:
        halt: why a limit halts the bot at this very look, or "".
    """
    held = state.position
    orders: tuple[Verdict, ...] = ()
    if size.of_sell(state, inputs, settings) >= max(inputs.increments.minimum, DUST):
        orders = (flatten.check(state), breach.check(state, settings, halt))
    if held is None or held.entry <= 0:
        return tuple(verdict for verdict in orders if not verdict.passed)
    sight = Sight(
        now=max(inputs.now, inputs.window.end),
        price=fair_price(inputs.quote, settings),
        signal_at=state.signal_at,
    )
    return (*orders, *(policy.check(held, sight, settings.exits) for policy in POLICIES))
