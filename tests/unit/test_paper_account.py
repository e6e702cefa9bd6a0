"""Paper orders whose process ended while they were being written: nothing but the journal knows
them, and a journal in Kafka may hold the first of an order's entries alone.
"""

from decimal import Decimal
from random import Random

import httpx
from hypothesis import given
from hypothesis import strategies as st
from venues.faulty import MemoryJournal, MemoryPublisher

from tradebot.domain.instrument import Instrument
from tradebot.domain.intent import Intent
from tradebot.domain.money import Side
from tradebot.trader.journal.books import Books
from tradebot.trader.journal.documents import Identity
from tradebot.trader.journal.entries import EpochTaken, Intended
from tradebot.trader.orders.execution import Executor
from tradebot.trader.orders.paper import PaperAccount
from tradebot.trader.orders.reconcile import Outcome, Reconciler
from tradebot.venue.gemini.fees import FEES
from tradebot.venue.gemini.rest import GeminiRest

D = Decimal
RULES = Instrument(
    symbol="BTCUSD", base="BTC", quote="USD", amount_step=D("1e-8"), price_step=D("0.01"),
    minimum=D("0.00001"),
)  # fmt: skip
BOOK = {
    "bids": [{"price": f"{99 - n}.37", "amount": "0.7"} for n in range(5)],
    "asks": [{"price": f"{100 + n}.13", "amount": "0.9"} for n in range(5)],
}


class Desk:
    """A paper trader's process over a journal that outlives it."""

    def __init__(self, journal: MemoryJournal) -> None:
        who = Identity(bot="btc", symbol="BTCUSD", mode="Paper")
        self.books = Books(journal, MemoryPublisher(Random(1)), who, lambda: 7)
        self.books.open()
        ledger = self.books.ledger
        base, quote = (ledger.base, ledger.quote) if ledger.known else (D(3), D(1000))
        rest = GeminiRest(
            "http://venue",
            transport=httpx.MockTransport(lambda _: httpx.Response(200, json=BOOK)),
        )
        self.account = PaperAccount(
            rest, RULES, fees=FEES.first, base=base, quote=quote, now=lambda: 7
        )
        for placed in ledger.unresolved():
            self.account.restore(placed)
        self.executor = Executor(self.books, self.account, lambda: True, self.sleep)
        self.reconciler = Reconciler(
            self.books, self.account, self.executor,
            symbol="BTCUSD", currencies=("BTC", "USD"), sleep=self.sleep,
        )  # fmt: skip

    async def sleep(self, _seconds: float) -> None:
        """No time passes."""

    async def reconcile(self) -> Outcome:
        return await self.reconciler.run(mid=D(100), now=7)

    def intent(self, side: Side, amount: Decimal) -> Intent:
        price = D(200) if side == "buy" else D(1)
        return self.books.intent(
            side, amount, price, mid=D(100), window_end=60_000, name="d", minimum=D(0)
        )


@given(
    side=st.sampled_from(["buy", "sell"]),
    amount=st.decimals(min_value="0.00001", max_value=3, places=8),
    kept=st.integers(0, 6),
)
async def test_wherever_a_paper_order_s_entries_end_the_next_trader_agrees_with_its_books(
    side: Side, amount: Decimal, kept: int
) -> None:
    journal = MemoryJournal(Random(1))
    before = Desk(journal)
    await before.books.record(EpochTaken(epoch=1, mode="Paper"))
    await before.reconcile()
    written = len(journal.lines)
    assert await before.executor.execute(before.intent(side, amount))
    del journal.lines[written + 1 + kept :]
    whole = before.books.ledger
    after = Desk(journal)
    heard = after.books.ledger.orders["tb-btc-1-1"].order.order_ids
    outcome = await after.reconcile()
    ledger = after.books.ledger
    assert outcome.certain and not ledger.unresolved()
    assert (outcome.outside_base, outcome.outside_quote) == (0, 0)
    if heard:
        assert ledger.base == whole.base
        assert abs(ledger.quote - whole.quote) < D("1e-18")
    else:
        assert (ledger.base, ledger.quote) == (3, 1000), "what nothing was heard of was not done"


async def test_a_paper_intent_alone_was_never_placed() -> None:
    journal = MemoryJournal(Random(1))
    before = Desk(journal)
    await before.books.record(EpochTaken(epoch=1, mode="Paper"))
    await before.reconcile()
    await before.books.record(Intended(intent=before.intent("buy", D(1))))
    after = Desk(journal)
    assert (await after.reconcile()).certain
    assert after.books.ledger.base == 3
