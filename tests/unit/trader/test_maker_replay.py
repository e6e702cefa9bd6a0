"""A recorded run whose orders waited as maker is decided the same again."""

from typing import Any

from msgspec.structs import replace
from soaks.orders import Soak
from test_maker_orders import DOWN, MAKING, UP, later, live, waiting, window

from tradebot.backtest.replay import record, replay
from tradebot.records import DocType


def recorded(desk: Soak) -> dict[str, list[dict[str, Any]]]:
    kinds: dict[str, list[dict[str, Any]]] = {
        kind: [] for kind in ("decision", "ticker", "order", "fill", "liquidity")
    }
    newest = {each.id: each for each in desk.publisher.delivered_documents}
    for each in newest.values():
        head = {"_id": each.id, "ts": each.ts, "bot": each.bot, "symbol": each.symbol}
        kinds.setdefault(str(each.doc_type), []).append(head | each.body)
        if each.doc_type == DocType.DECISION:
            end = each.body["window_end"]
            kinds["liquidity"].append({"window_end": end, "ratio": 1.0, "complete": True})
    return kinds


async def test_an_order_that_fills_after_the_next_window_counts_from_then_on() -> None:
    desk = await waiting(holdings="Own", making=replace(MAKING, wait_ms=90_000))
    (first,) = live(desk)
    actions = []
    for way, fills in ((UP, True), (DOWN, True), (DOWN, False), (UP, False)):
        desk.forecasts.way = way  # type: ignore[attr-defined]
        await later(desk, 60)
        decided = await window(desk)
        assert decided is not None
        actions.append((decided.action, decided.gate))
        await later(desk, 10)
        for order in live(desk) if fills else ():
            desk.venue._fill(order, order.left)
        await desk.engine.reconcile()
    await desk.journaled.flush()
    assert actions[0] == ("hold", "in_flight") and ("sell", "") in actions
    compared = replay(record(recorded(desk), None))
    assert len(compared) == 5
    assert [each.differences for each in compared] == [[]] * 5
    assert first.trades
