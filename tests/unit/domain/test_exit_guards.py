"""Each guard of the exits is needed: without it a soak or a drill fails.

With those of `test_order_path_under_faults` they are eleven: the intent before its order, unknown
is not failed, no order before reconciling, a fill once, numbers that go on, documents sent again,
the stop lifted before a sale, a lost cancel looked up, exits at all, the venue asked where no trade
is heard of, and the stop at the venue.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from soaks.drill import POLICIES, Gone, run
from soaks.orders import STOPS, Soak

from tradebot.domain import decision
from tradebot.domain.order_state import Told
from tradebot.trader.journal.ledger import Placed
from tradebot.trader.orders.execution import Executor
from tradebot.trader.resting import RestingStops
from tradebot.trader.watch import Watch

Patch = pytest.MonkeyPatch


async def soaked() -> str:
    """What the checks of a soak with resting stops say over some seeds; "" if all is well."""
    for seed in range(1, 9):
        try:
            await Soak(seed, windows=150, rules=STOPS).run()
        except AssertionError as error:
            return str(error) or repr(error)
    return ""


def sell_without_lifting(patch: Patch) -> None:
    """The stop stays where it is while the position is sold."""

    async def lift(self: RestingStops) -> bool:
        return True

    patch.setattr(RestingStops, "lift", lift)


def take_a_lost_cancel_for_done(patch: Patch) -> None:
    """A cancel whose answer was lost counts as done."""
    careful = Executor.cancel

    async def cancel(self: Executor, placed: Placed) -> bool:
        if await careful(self, placed):
            return True
        order_id = placed.order.order_ids[0]
        gone = Told(order_id=order_id, executed=Decimal(0), average=Decimal(0), closed=True)
        await self._learn(placed.intent, gone)
        return True

    patch.setattr(Executor, "cancel", cancel)


@pytest.mark.parametrize("remove", [sell_without_lifting, take_a_lost_cancel_for_done])
async def test_a_soak_notices_when_a_guard_of_the_resting_stop_is_removed(
    remove: Callable[[Patch], None], monkeypatch: Patch
) -> None:
    remove(monkeypatch)
    assert await soaked()


def no_exits(patch: Patch) -> None:
    """No exit ever asks for anything."""
    patch.setattr(decision.policies, "judge", lambda *_: ())


def no_look_at_the_venue(patch: Patch) -> None:
    """A look ends where no trade is heard of."""

    async def look(self: Watch) -> None:
        self._all_is_well()

    patch.setattr(Watch, "look", look)


def no_stop_at_the_venue(patch: Patch) -> None:
    """Nothing is ever placed to rest."""

    async def keep(self: RestingStops) -> None:
        return

    patch.setattr(RestingStops, "keep", keep)


@pytest.mark.parametrize(
    ("remove", "gone", "policy"),
    [
        (no_exits, "windows", "stopLoss"),
        (no_look_at_the_venue, "Kafka", "stopLoss"),
        (no_stop_at_the_venue, "the process", "restAtVenue"),
    ],
)
async def test_a_drill_loses_more_than_its_stop_when_a_guard_is_removed(
    remove: Callable[[Patch], None], gone: Gone, policy: str, monkeypatch: Patch
) -> None:
    whole = await run("falls 60 %", gone, POLICIES[policy], seed=1)
    assert whole.loss <= whole.bound
    remove(monkeypatch)
    broken: Any = await run("falls 60 %", gone, POLICIES[policy], seed=1)
    assert broken.loss > broken.bound
