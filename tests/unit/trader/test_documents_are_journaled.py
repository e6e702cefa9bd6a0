"""Every document that a trader publishes is carried by an entry of its journal."""

import pytest
from soaks.steps import Day

from tradebot.records import DocType


async def steps_of_a_day() -> int:
    day = Day(0, eager=True)
    await day.run()
    return day.steps.taken


async def test_the_day_publishes_each_kind_of_document_a_trader_writes() -> None:
    day = Day(0, eager=True)
    await day.run()
    kinds = {document.doc_type for document in day.desk.publisher.delivered_documents}
    assert kinds == {
        DocType.BALANCE, DocType.TICKER, DocType.ORDER, DocType.FILL, DocType.DECISION,
        DocType.SCORE, DocType.HALT,
    }  # fmt: skip
    decisions = [
        document.body
        for document in day.desk.publisher.delivered_documents
        if document.doc_type == DocType.DECISION
    ]
    assert {one["action"] for one in decisions} == {"buy", "sell", "hold"}
    assert any(one["exit"] and not one["client_order_id"] for one in decisions), "no bids once"
    assert any("-exit-" in one["decision_id"] for one in decisions), "an exit between windows"


@pytest.mark.parametrize("eager", [True, False], ids=["delivered-at-once", "delivered-by-flush"])
async def test_a_kill_at_any_step_leaves_one_content_for_each_id(*, eager: bool) -> None:
    for kill_at in range(1, await steps_of_a_day() + 1):
        day = Day(kill_at, eager=eager)
        await day.run()
        assert day.desk.kills == 1, f"nothing was killed at step {kill_at}"
        try:
            day.check()
        except AssertionError as error:
            raise AssertionError(f"killed at step {kill_at}: {error}") from None
