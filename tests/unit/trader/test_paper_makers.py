"""Maker orders on paper: they fill at their price once trades go through it, as makers."""

from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from tradebot.domain.instrument import Instrument
from tradebot.domain.intent import Intent
from tradebot.domain.making import Terms
from tradebot.domain.money import Side
from tradebot.domain.order_state import Order, Told, apply
from tradebot.records import TradeRecord
from tradebot.trader.journal.ledger import Placed
from tradebot.trader.orders.paper import PaperAccount
from tradebot.venue.errors import RejectedError
from tradebot.venue.port import Book, BookLevel, Candle, Fees

D = Decimal
RULES = Instrument(
    symbol="BTCUSD", base="BTC", quote="USD", amount_step=D("1e-8"), price_step=D("0.01"),
    minimum=D("0.00001"),
)  # fmt: skip
FEES = Fees(maker_bps=D(20), taker_bps=D(40))


@dataclass
class Market:
    """A market whose trades and minutes a test sets; its best prices are 99 and 101."""

    trades: list[TradeRecord] = field(default_factory=list)
    candles: list[Candle] = field(default_factory=list)

    async def book(self, _symbol: str) -> Book:
        return Book([BookLevel(D(99), D(5))], [BookLevel(D(101), D(5))])

    async def trades_since(self, _symbol: str, tid: int) -> list[TradeRecord]:
        return [trade for trade in self.trades if trade.tid > tid]

    async def minutes(self, _symbol: str) -> list[Candle]:
        return self.candles

    def trade(self, price: str, ts: int = 20) -> None:
        tid = len(self.trades) + 1
        self.trades.append(TradeRecord("BTCUSD", tid, price, "0.1", "bid", ts))


def account_of(market: Market) -> PaperAccount:
    return PaperAccount(
        market,  # type: ignore[arg-type]
        RULES,
        fees=lambda: FEES,
        base=D(1),
        quote=D(1000),
        now=lambda: 10,
    )


def intent(side: Side, price: str, amount: str = "0.5") -> Intent:
    return Intent(
        client_order_id="tb-btc-1-1", epoch=1, number=1, decision_id="d", symbol="BTCUSD",
        side=side, amount=D(amount), price=D(price), mid=D(100), window_end=0, created=10,
        maker=Terms(started=10, limit=D(price)),
    )  # fmt: skip


@pytest.mark.parametrize(("side", "price", "through"), [("buy", "99", "98.99"),
                                                        ("sell", "101", "101.01")])  # fmt: skip
async def test_it_rests_and_fills_whole_at_its_price_once_trades_go_through(
    side: Side, price: str, through: str
) -> None:
    market = Market()
    account = account_of(market)
    assert (await account.place(intent(side, price))).live
    market.trade(price)
    assert (await account.find("tb-btc-1-1"))[0].live, "a trade at the price may be another's"
    market.trade(through)
    (order,) = await account.find("tb-btc-1-1")
    (trade,) = order.trades
    assert not order.live and (trade.price, trade.amount) == (D(price), D("0.5"))
    assert not trade.taker and trade.fee == D(price) * D("0.5") * D("0.002")


@pytest.mark.parametrize(("side", "price"), [("buy", "101"), ("sell", "99")])
async def test_an_order_that_would_take_is_cancelled_on_arrival(side: Side, price: str) -> None:
    order = await account_of(Market()).place(intent(side, price))
    assert not order.live and not order.executed and order.reason == "MakerOrCancelWouldTake"


async def test_it_reserves_what_it_may_spend_until_it_is_cancelled() -> None:
    account = account_of(Market())
    order = await account.place(intent("buy", "99"))
    base, quote = await account.balances()
    assert quote.amount == 1000 and quote.available == 1000 - D("49.5") * D("1.002")
    await account.cancel(order.order_id)
    assert [each.available for each in await account.balances()] == [base.amount, quote.amount]


async def test_a_buy_that_the_account_cannot_pay_for_is_refused() -> None:
    with pytest.raises(RejectedError, match="insufficient"):
        await account_of(Market()).place(intent("buy", "99", "11"))


@pytest.mark.parametrize(("low", "live"), [(98.0, False), (99.0, True)])
async def test_after_a_restart_the_minutes_in_between_count(low: float, live: bool) -> None:
    market = Market(candles=[Candle(60_000, 99.5, 100.0, low, 99.5, 1.0)])
    account, placed = account_of(market), intent("buy", "99")
    order = Order(side="buy", price=placed.price, original=placed.amount)
    told = Told(order_id="paper-1-1", executed=D(0), average=D(0), closed=False)
    account.restore(Placed(placed, apply(order, told)))
    assert (await account.find("tb-btc-1-1"))[0].live is live


def test_a_fill_of_a_maker_order_that_was_not_written_pays_the_makers_fee() -> None:
    account, placed = account_of(Market()), intent("buy", "99")
    order = Order(side="buy", price=placed.price, original=placed.amount)
    told = Told(order_id="paper-1-1", executed=D("0.5"), average=D(99), closed=True)
    account.restore(Placed(placed, apply(order, told)))
    (trade,) = account._orders["tb-btc-1-1"].trades
    assert trade.fee == D("49.5") * D("0.002") and not trade.taker
