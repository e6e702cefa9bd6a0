"""What a venue trades under a symbol: two currencies, steps, minimum and status."""

from decimal import Decimal
from typing import Final, Literal

import msgspec

from tradebot.domain.money import ZERO, floor_to, limit_price
from tradebot.domain.situation import Increments, MarketStatus

OrderType = Literal["limit", "immediate-or-cancel", "maker-or-cancel", "fill-or-kill", "stop-limit"]

TAKING: Final[frozenset[MarketStatus]] = frozenset({"open", "limit_only"})
"""Statuses in which an order that takes liquidity can trade."""


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """A symbol as its venue trades it.

    Attributes:
        base, quote: upper case, such as BTC and USD.
        price_step: prices are multiples of it, in quote currency.
        amount_step: amounts are multiples of it, in base currency.
        minimum: the smallest order, in base currency.
        status: what the venue accepts now.
        order_types: what it accepts; empty if it does not say.

    Raises:
        ValueError: a step is zero, negative or not finite.
    """

    symbol: str
    base: str
    quote: str
    price_step: Decimal
    amount_step: Decimal
    minimum: Decimal
    status: MarketStatus = "open"
    order_types: tuple[OrderType, ...] = ()

    def __post_init__(self) -> None:
        """Refuses steps that are zero, negative or not finite."""
        for name in ("price_step", "amount_step"):
            step: Decimal = getattr(self, name)
            if not (step.is_finite() and step > 0):
                raise ValueError(f"{self.symbol} has a {name} of {step}; it must be above 0")

    @property
    def accepts_takers(self) -> bool:
        """Whether an order that takes liquidity can trade now."""
        return self.status in TAKING

    @property
    def currencies(self) -> tuple[str, str]:
        """Base and quote."""
        return self.base, self.quote

    @property
    def increments(self) -> Increments:
        """The steps as a decision needs them."""
        return Increments(
            amount_step=self.amount_step, price_step=self.price_step, minimum=self.minimum
        )

    def amount(self, wanted: Decimal) -> Decimal:
        """Rounds `wanted` down to the step; 0 if that is below the minimum."""
        rounded = floor_to(wanted, self.amount_step)
        return rounded if rounded >= self.minimum and rounded > 0 else ZERO

    def price(self, side: Literal["buy", "sell"], wanted: Decimal) -> Decimal:
        """Rounds a limit to the step, no worse for us than `wanted`."""
        return limit_price(side, wanted, self.price_step)


QUOTES: Final = (
    *("RLUSD", "PYUSD", "FDUSD"),
    *("USDT", "USDC", "GUSD", "DOGE"),
    *("USD", "EUR", "GBP", "SGD", "HKD", "AUD", "CAD", "CHF", "JPY", "BTC", "ETH", "LTC", "BCH"),
    *("SOL", "XRP", "BNB", "DAI", "FIL"),
)
"""Known quote currencies, longest first."""

BASES: Final = frozenset(
    {
        *("1INCH", "AAVE", "ADA", "ALGO", "APE", "ATOM", "AVAX", "BAT", "BCH", "BNB", "BONK"),
        *("BTC", "CRV", "DAI", "DOGE", "DOT", "ETC", "ETH", "EUR", "FIL", "FTM", "GALA", "GRT"),
        *("GUSD", "LINK", "LTC", "MANA", "MATIC", "MKR", "NEAR", "PAXG", "PEPE", "POL", "RLUSD"),
        *("RNDR", "SAND", "SHIB", "SOL", "SUI", "TRX", "UNI", "USDC", "USDT", "WIF", "XLM", "XRP"),
        *("XTZ", "YFI", "ZEC"),
    }
)
"""Known base currencies: they distinguish PAXG/USD from PAX/GUSD."""


def split_symbol(symbol: str) -> tuple[str, str]:
    """Splits a symbol into base and quote, if no instrument is at hand.

    The longest known quote that leaves a known base wins, then the longest known quote, then the
    last three letters.

    >>> split_symbol("BTCUSDT"), split_symbol("PAXGUSD")
    (('BTC', 'USDT'), ('PAXG', 'USD'))
    """
    symbol = symbol.upper()
    found = [
        (symbol.removesuffix(quote), quote)
        for quote in QUOTES
        if symbol.endswith(quote) and symbol != quote
    ]
    known = [pair for pair in found if pair[0] in BASES]
    return (known or found or [(symbol[:-3], symbol[-3:])])[0]
