"""Traded symbols: steps, minimum, and the text form of prices and amounts.

Inside the emulator a price is a whole number of price steps and an amount a whole number of amount
steps, which makes matching exact and fast.
"""

import math
from decimal import Decimal, InvalidOperation

import msgspec

from tradebot.domain.instrument import split_symbol


class ExchangeInstrument(msgspec.Struct, frozen=True):
    """One symbol; a price step is 10^-price_places, an amount step 10^-amount_places."""

    symbol: str
    base: str
    quote: str
    price_places: int = 2
    amount_places: int = 8
    minimum: str = "0.00001"

    @property
    def minimum_steps(self) -> int:
        """The smallest order, in amount steps."""
        return int(Decimal(self.minimum).scaleb(self.amount_places))

    def price_steps(self, text: str) -> int:
        """Parses a client's price to steps.

        Raises:
            ValueError: not a positive decimal on the price step.
        """
        return _steps(text, self.price_places)

    def amount_steps(self, text: str) -> int:
        """Parses a client's amount to steps.

        Raises:
            ValueError: not a positive decimal on the amount step.
        """
        return _steps(text, self.amount_places)

    def price_text(self, steps: int) -> str:
        """Writes a price with all its places, as the venue does: `4500.00`."""
        if self.price_places == 2:
            return f"{steps // 100}.{steps % 100:02d}"
        return f"{Decimal(steps).scaleb(-self.price_places):f}"

    def amount_text(self, steps: int) -> str:
        """Writes an amount without trailing zeros: `0.5`, `1`, `0`."""
        scale = 10**self.amount_places
        whole, part = divmod(steps, scale)
        if part == 0:
            return str(whole)
        return f"{whole}.{part:0{self.amount_places}d}".rstrip("0")

    def delta_text(self, steps: int) -> str:
        """Writes a change of an amount, with a sign if it is negative."""
        return f"-{self.amount_text(-steps)}" if steps < 0 else self.amount_text(steps)

    def amount(self, steps: int) -> Decimal:
        """The amount in base currency."""
        return Decimal(steps).scaleb(-self.amount_places)

    def value(self, price: int, amount: int) -> Decimal:
        """Price × amount, in quote currency."""
        return Decimal(price * amount).scaleb(-self.price_places - self.amount_places)


_MOST_STEPS = 10**20
"""Larger than any price or amount; bounds the work on absurd numbers."""


def _steps(text: str, places: int) -> int:
    try:
        number = Decimal(text)
        steps = number.scaleb(places) if number.is_finite() else Decimal(0)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a decimal number") from None
    if not 0 < steps <= _MOST_STEPS or steps != steps.to_integral_value():
        raise ValueError(f"{text!r} is not a positive multiple of 1e-{places}")
    return int(steps)


_KNOWN = {
    "BTCUSD": ExchangeInstrument("BTCUSD", "BTC", "USD"),
    "ETHUSD": ExchangeInstrument("ETHUSD", "ETH", "USD", 2, 6, "0.001"),
    "LTCUSD": ExchangeInstrument("LTCUSD", "LTC", "USD", 2, 5, "0.01"),
    "SOLUSD": ExchangeInstrument("SOLUSD", "SOL", "USD", 3, 6, "0.001"),
    "DOGEUSD": ExchangeInstrument("DOGEUSD", "DOGE", "USD", 5, 6, "0.1"),
}


LEAST_PRICE = 1e-12
"""The lowest price to trade at; below it a price step would be too coarse."""


def instrument(symbol: str, price: float) -> ExchangeInstrument:
    """Returns a symbol's steps; an unknown symbol gets common ones.

    Args:
        price: the lowest price to expect; the price step is at most a ten-thousandth of it.

    Raises:
        ValueError: the symbol is invalid, or the price is too low to trade at.
    """
    symbol = symbol.upper()
    if not 5 <= len(symbol) <= 12 or not symbol.isalnum():
        raise ValueError(f"{symbol!r} is not a symbol; use one such as BTCUSD")
    if price < LEAST_PRICE:
        raise ValueError(f"the price of {symbol} is {price}: use {LEAST_PRICE} or more")
    known = _KNOWN.get(symbol) or ExchangeInstrument(symbol, *split_symbol(symbol), 2, 6, "0.001")
    places = max(known.price_places, 4 - math.floor(math.log10(price)))
    return msgspec.structs.replace(known, price_places=places) if price < 1 else known
