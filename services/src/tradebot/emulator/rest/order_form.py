"""Parses a client's order, and refuses it in the venue's words."""

from collections.abc import Mapping
from typing import Any

from tradebot.emulator.book_market import BookMarket
from tradebot.emulator.desk import OrderRequest
from tradebot.emulator.exchange import Exchange
from tradebot.emulator.matching.orders import Behaviour
from tradebot.emulator.refusals import RefusalError, bad_order_symbol

_BEHAVIOURS: dict[str, Behaviour] = {
    "maker-or-cancel": "maker-or-cancel",
    "immediate-or-cancel": "immediate-or-cancel",
    "fill-or-kill": "fill-or-kill",
}
_LONGEST_CLIENT_ORDER_ID = 99


def order_request(exchange: Exchange, form: Mapping[str, Any], session: str) -> OrderRequest:
    """Parses a `/v1/order/new` payload.

    Raises:
        RefusalError: a field is missing or wrong.
    """
    for name in ("symbol", "amount", "price", "side", "type"):
        if form.get(name) is None:
            raise RefusalError(400, "MissingOrderField", f"Missing {name} field in order")
    market = exchange.market(str(form["symbol"]))
    if market is None:
        raise bad_order_symbol(form["symbol"], exchange.symbols())
    side = str(form["side"]).lower()
    behaviour = _behaviour(form.get("options"))
    _refuse_unless_open(market, behaviour)
    if side not in ("buy", "sell"):
        raise RefusalError(400, "InvalidSide", f"Invalid side for symbol {_name(market)}: '{side}'")
    price = _price(market, form["price"])
    return OrderRequest(
        market=market,
        side="buy" if side == "buy" else "sell",
        price=price,
        amount=_amount(market, form["amount"]),
        behaviour=behaviour,
        stop=_stop(market, form, side, price, behaviour),
        client_order_id=_client_order_id(form.get("client_order_id")),
        session=session,
    )


def _refuse_unless_open(market: BookMarket, behaviour: Behaviour) -> None:
    if market.status in ("open", "limit_only"):
        return
    if market.status == "post_only" and behaviour == "maker-or-cancel":
        return
    raise RefusalError(400, "MarketNotOpen", f"The {_name(market)} market is {market.status}")


def _name(market: BookMarket) -> str:
    return market.instrument.symbol


def _price(market: BookMarket, text: object) -> int:
    try:
        return market.instrument.price_steps(str(text))
    except ValueError:
        raise RefusalError(
            400, "InvalidPrice", f"Invalid price for symbol {_name(market)}: {text}"
        ) from None


def _amount(market: BookMarket, text: object) -> int:
    refusal = RefusalError(
        400, "InvalidQuantity", f"Invalid quantity for symbol {_name(market)}: {text}"
    )
    try:
        steps = market.instrument.amount_steps(str(text))
    except ValueError:
        raise refusal from None
    if steps < market.instrument.minimum_steps:
        raise refusal
    return steps


def _behaviour(options: object) -> Behaviour:
    if options is None:
        return ""
    if not isinstance(options, list):
        raise RefusalError(400, "OptionsMustBeArray", "Order options must be an array")
    if len(options) > 1:
        raise RefusalError(
            400, "ConflictingOptions", "A single order supports at most one of these options"
        )
    for option in options:
        if option not in _BEHAVIOURS:
            raise RefusalError(400, "UnsupportedOption", f"Option '{option}' is not supported")
        return _BEHAVIOURS[option]
    return ""


def _stop(
    market: BookMarket, form: Mapping[str, Any], side: str, price: int, behaviour: Behaviour
) -> int:
    kind, name = form["type"], _name(market)
    if kind == "exchange limit":
        return 0
    if kind != "exchange stop limit":
        raise RefusalError(
            400, "InvalidOrderType", f"Invalid order type for symbol {name}: '{kind}'"
        )
    if behaviour:
        raise RefusalError(400, "UnsupportedOption", "Stop-limit orders take no options")
    if form.get("stop_price") is None:
        raise RefusalError(400, "MissingOrderField", "Missing stop_price field in order")
    stop = _price(market, form["stop_price"])
    if side == "buy" and stop > price:
        raise RefusalError(
            400, "InvalidStopPriceBuy", "A buy's stop price must not be above its limit price"
        )
    if side == "sell" and stop < price:
        raise RefusalError(
            400, "InvalidStopPriceSell", "A sell's stop price must not be below its limit price"
        )
    return stop


def _client_order_id(name: object) -> str | None:
    if name is None:
        return None
    if not isinstance(name, str):
        raise RefusalError(400, "ClientOrderIdMustBeString", "client_order_id must be a string")
    if len(name) > _LONGEST_CLIENT_ORDER_ID:
        raise RefusalError(400, "ClientOrderIdTooLong", "client_order_id must be under 100 letters")
    return name
