"""The trader's log lines of decisions and orders have the documents' ids."""

from collections import Counter

from soaks.orders import Soak
from structlog.testing import capture_logs

from tradebot.records import DocType


async def test_each_decision_has_one_line_with_the_ids_of_its_documents() -> None:
    soak = Soak(3, windows=60, kill_rate=0.0)
    with capture_logs() as logged:
        await soak.run()
    documents = soak.publisher.delivered_documents
    decisions = {d.id: d.body for d in documents if d.doc_type == DocType.DECISION}
    lines = [line for line in logged if line["event"] == "decision"]
    assert Counter(line["decision"] for line in lines) == Counter(
        body["decision_id"] for body in decisions.values()
    )
    said = {body["decision_id"]: body for body in decisions.values()}
    for line in lines:
        body = said[line["decision"]]
        assert line["order"] == body["client_order_id"]
        for field in ("action", "signal", "gate", "reason"):
            assert line[field] == body[field]
    orders = [line for line in logged if line["event"] == "order"]
    assert len(orders) > 5
    assert {(line["decision"], line["order"]) for line in orders} <= {
        (line["decision"], line["order"]) for line in lines
    }
