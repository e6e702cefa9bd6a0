"""A trader acts once on each order of its TradeBot, also after a restart."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
from soaks.desk import reconciled

from tradebot.platform.control import Control, order
from tradebot.trader.acts import Acts
from tradebot.trader.engine import Engine
from tradebot.trader.journal.entries import Halted
from tradebot.trader.journal.ledger import decode_ledger, snapshot
from tradebot.trader.obeying import Obeying
from tradebot.trader.selling import Selling


class Given:
    """Orders that a test gives."""

    def __init__(self, *controls: Control) -> None:
        self._controls: Sequence[Control] = controls

    async def stream(self) -> AsyncIterator[Control]:
        for control in self._controls:
            yield control

    async def close(self) -> None:
        pass


PAUSED = Control(state="Paused", because="lunch", by="ann", at="2026-01-01T12:00:00Z")
RUNNING = Control(state="Running", because="back", by="ann", at="2026-01-01T13:00:00Z")
FLAT = Control(state="Flat", because="out", by="ben")


async def obey(engine: Engine, *controls: Control) -> Obeying:
    obeying = Obeying(engine, Acts(engine, Selling(engine)), Given(*controls))
    await obeying.run()
    return obeying


async def test_a_pause_and_its_resumption_take_effect_with_reason_and_user() -> None:
    desk = await reconciled()
    await obey(desk.engine, PAUSED)
    assert desk.journaled.ledger.paused == "lunch"
    obeying = await obey(desk.engine, RUNNING)
    assert desk.journaled.ledger.paused == ""
    assert obeying.last == RUNNING and obeying.obeyed.is_set()


async def test_the_same_order_is_obeyed_once_so_a_later_halt_stays() -> None:
    desk = await reconciled()
    await obey(desk.engine, PAUSED, RUNNING)
    await desk.journaled.record(Halted(reason="drawdown"))
    await obey(desk.engine, RUNNING)
    assert desk.journaled.ledger.halted == "drawdown"
    await obey(desk.engine, msgspec.structs.replace(RUNNING, at="2026-01-02T00:00:00Z"))
    assert desk.journaled.ledger.halted == ""


async def test_a_bot_that_is_ordered_flat_is_paused_before_it_sells() -> None:
    desk = await reconciled()
    obeying = Obeying(desk.engine, Acts(desk.engine, Selling(desk.engine)), Given(FLAT))
    async with desk.engine.acting:
        task = asyncio.create_task(obeying.run())
        await obeying.obeyed.wait()
        assert desk.journaled.ledger.paused == desk.journaled.ledger.flattening == "out"
    await task


async def test_the_last_order_survives_a_snapshot_of_the_journal() -> None:
    desk = await reconciled()
    await obey(desk.engine, PAUSED)
    assert decode_ledger(snapshot(desk.journaled.ledger).ledger).obeyed == PAUSED


def test_each_order_is_a_new_one_by_its_time() -> None:
    control = order("flatten", because="out", by="ben")["spec"]["control"]
    assert msgspec.convert(control, Control).act == "flatten"
    assert control["at"].endswith("Z")
