"""A symbol's steps and minimum, from the venue; asked again when the venue rejects an order."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Final

import msgspec

from tradebot.domain.money import ZERO, floor_to, limit_price
from tradebot.venue.errors import AmbiguousError, RejectedError
from tradebot.venue.gemini.answers import OrderSide, SymbolDetails
from tradebot.venue.gemini.rest import GeminiRest

KEEP_SECONDS: Final = 3600.0

RULE_REASONS: Final = frozenset(
    {"InvalidQuantity", "InvalidPrice", "InvalidSymbol", "MarketNotOpen", "InvalidOrderType"}
)
"""Rejections after which the venue's rules may differ from those that are remembered."""


class SymbolRules(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue takes of a symbol.

    Attributes:
        amount_step: amounts are its multiples, in base currency.
        price_step: prices are its multiples, in quote currency.
        min_amount: no smaller amount is taken.
        status: open, closed, cancel_only, post_only or limit_only.
    """

    symbol: str
    base: str
    quote: str
    amount_step: Decimal
    price_step: Decimal
    min_amount: Decimal
    status: str = "open"

    @classmethod
    def of(cls, details: SymbolDetails) -> "SymbolRules":
        """The rules that the venue's description of a symbol states."""
        return cls(
            symbol=details.symbol.upper(),
            base=details.base_currency.upper(),
            quote=details.quote_currency.upper(),
            amount_step=details.tick_size,
            price_step=details.quote_increment,
            min_amount=details.min_order_size,
            status=details.status,
        )

    @property
    def accepts_takers(self) -> bool:
        """Whether an immediate-or-cancel order can trade now."""
        return self.status in ("open", "limit_only")

    def amount(self, wanted: Decimal) -> Decimal:
        """`wanted` rounded down to the step; 0 where that is below the minimum."""
        rounded = floor_to(wanted, self.amount_step)
        return rounded if rounded >= self.min_amount and rounded > 0 else ZERO

    def price(self, side: OrderSide, wanted: Decimal) -> Decimal:
        """A limit on the step that is no worse for us than `wanted`."""
        return limit_price(side, wanted, self.price_step)


class RuleBook:
    """The rules of each symbol, remembered for an hour.

    Args:
        clock: seconds from an arbitrary start.
    """

    def __init__(self, rest: GeminiRest, clock: Callable[[], float] = time.monotonic) -> None:
        self._rest = rest
        self._clock = clock
        self._known: dict[str, tuple[float, SymbolRules]] = {}

    async def rules(self, symbol: str) -> SymbolRules:
        """The rules of `symbol`.

        Raises:
            VenueError: they are not known yet and the venue did not tell them, or told steps
                that no order can be on.
        """
        known = self._known.get(symbol)
        if known is not None and self._clock() - known[0] < KEEP_SECONDS:
            return known[1]
        rules = SymbolRules.of(await self._rest.symbol_details(symbol))
        if min(rules.amount_step, rules.price_step) <= 0:
            steps = f"amounts of {rules.amount_step} and prices of {rules.price_step}"
            raise AmbiguousError("UnreadableAnswer", f"{symbol} has steps that are none: {steps}")
        self._known[symbol] = (self._clock(), rules)
        return rules

    def rejected(self, symbol: str, error: RejectedError) -> bool:
        """Forgets the rules where `error` may mean that they changed; whether it did."""
        if error.reason not in RULE_REASONS:
            return False
        self._known.pop(symbol, None)
        return True
