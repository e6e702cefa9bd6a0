"""What a trader's documents say of its orders."""

from decimal import Decimal

import msgspec
import pytest

from tradebot.domain.intent import Intent
from tradebot.domain.making import Terms
from tradebot.domain.order_state import Broken, Fill, Filled, Order
from tradebot.records import DocType, Document
from tradebot.trader.journal.documents import Identity, consequences, order_document
from tradebot.trader.journal.entries import Body, Intended, OrderEvent
from tradebot.trader.journal.ledger import Ledger, Placed, apply

D = Decimal
WHO = Identity(bot="btc", symbol="BTCUSD", mode="Live")
INTENT = Intent(
    client_order_id="tb-btc-1-1",
    epoch=1,
    number=1,
    decision_id="btc-1",
    symbol="BTCUSD",
    side="sell",
    amount=D(1),
    price=D(100),
    mid=D(99),
    window_end=60_000,
    created=60_000,
)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ({}, ["immediate-or-cancel"]),
        ({"stop": D(90)}, []),
        ({"maker": Terms(started=1, limit=D(101))}, ["maker-or-cancel"]),
    ],
)
def test_an_order_s_document_says_how_it_executes(
    kind: dict[str, object], options: list[str]
) -> None:
    intent = msgspec.structs.replace(INTENT, **kind)
    placed = Placed(intent, Order(side="sell", price=intent.price, original=intent.amount))
    assert order_document(WHO, placed).body["options"] == options


def scores(bodies: list[Body]) -> list[Document]:
    """Returns the scores that follow from a journal's entries."""
    ledger, found = Ledger(), list[Document]()
    for body in bodies:
        after = apply(ledger, body)
        found += consequences(WHO, ledger, after, body, ts=1, latency=None)
        ledger = after
    return [document for document in found if document.doc_type == DocType.SCORE]


def fill(trade_id: int, price: int) -> Fill:
    return Fill(
        trade_id=trade_id, price=D(price), amount=D(1), fee=D("0.4"), fee_currency="USD",
        taker=True, ts=trade_id * 1000,
    )  # fmt: skip


def test_the_score_of_a_trip_that_a_broken_fill_removes_becomes_zero() -> None:
    buy = msgspec.structs.replace(INTENT, side="buy")
    sell = msgspec.structs.replace(INTENT, client_order_id="tb-btc-1-2", decision_id="btc-2")
    bought, sold = fill(1, 100), fill(2, 110)
    first, last = scores(
        [
            Intended(intent=buy),
            OrderEvent(client_order_id="tb-btc-1-1", event=Filled(order_id="1", fill=bought)),
            Intended(intent=sell),
            OrderEvent(client_order_id="tb-btc-1-2", event=Filled(order_id="2", fill=sold)),
            OrderEvent(client_order_id="tb-btc-1-1", event=Broken(order_id="1", fill=bought)),
        ]
    )
    assert first.id == last.id
    assert (first.body["score"], last.body["score"], last.body["amount"]) == (9.2, 0.0, 0.0)
