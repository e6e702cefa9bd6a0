"""Responses of the venue's REST calls. Money is Decimal, parsed from the text of the JSON number
or string, never from a float. Times are the venue's, in milliseconds if it has both.

Source: Gemini's REST documentation and recorded responses.
"""

from decimal import Decimal
from typing import Literal

import msgspec

OrderSide = Literal["buy", "sell"]
OrderOption = Literal["maker-or-cancel", "immediate-or-cancel", "fill-or-kill"]
Period = Literal["1m", "5m", "15m", "30m", "1hr", "6hr", "1day"]


class SymbolDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A symbol's trading rules: `tick_size` is the step of amounts, `quote_increment` that of
    prices."""

    symbol: str
    base_currency: str
    quote_currency: str
    tick_size: Decimal
    quote_increment: Decimal
    min_order_size: Decimal
    status: str = "open"


class TradeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A trade on the venue; `type` is the taker's side."""

    tid: int
    timestampms: int
    price: Decimal
    amount: Decimal
    type: str
    broken: bool = False


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order to place. There are no market orders; use an aggressive price with
    `immediate-or-cancel`."""

    symbol: str
    side: OrderSide
    amount: Decimal
    price: Decimal
    client_order_id: str
    option: OrderOption | None = None
    stop_price: Decimal | None = None


class FillAnswer(msgspec.Struct, frozen=True, kw_only=True, rename={"break_type": "break"}):
    """A fill of the account; `type` is "Buy" or "Sell", the fee is the venue's.

    `break_type` is empty unless the venue broke the trade. `full` means that the balances are as if
    it had not happened. `manual` means that they were corrected separately, so it counts.
    """

    tid: int
    order_id: str
    timestampms: int
    price: Decimal
    amount: Decimal
    type: str
    aggressor: bool
    fee_currency: str
    fee_amount: Decimal
    symbol: str = ""
    client_order_id: str = ""
    break_type: str = ""

    @property
    def side(self) -> OrderSide:
        """The account's side of the trade."""
        return "buy" if self.type.lower() == "buy" else "sell"


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the venue reports it.

    The response to a cancel may be neither live nor cancelled: the order was filled before.
    """

    order_id: str
    symbol: str
    side: OrderSide
    type: str
    timestampms: int
    price: Decimal
    avg_execution_price: Decimal
    original_amount: Decimal
    executed_amount: Decimal
    remaining_amount: Decimal
    is_live: bool
    is_cancelled: bool
    is_hidden: bool = False
    was_forced: bool = False
    client_order_id: str = ""
    options: list[str] = []
    reason: str = ""
    trades: list[FillAnswer] = []


class CancelReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a bulk cancel: orders cancelled, and orders that could not be."""

    cancelled: list[str]
    rejected: list[str]


class BalanceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The account's balance of a currency; orders reserve what is not `available`."""

    currency: str
    amount: Decimal
    available: Decimal


class NotionalVolume(msgspec.Struct, frozen=True, kw_only=True):
    """The account's fees in basis points, and the 30-day volume in USD behind them."""

    api_maker_fee_bps: Decimal
    api_taker_fee_bps: Decimal
    notional_30d_volume: Decimal = Decimal(0)


def finite(answer: object) -> bool:
    """Whether all amounts are finite: `"NaN"` and `"Infinity"` are Decimals too."""
    match answer:
        case Decimal():
            return answer.is_finite()
        case list() | tuple():
            return all(map(finite, answer))
        case dict():
            return all(map(finite, answer.values()))
        case msgspec.Struct():
            return all(map(finite, msgspec.structs.astuple(answer)))
        case _:
            return True
