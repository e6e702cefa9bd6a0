"""Converts Gemini's details of a symbol to an instrument."""

from typing import Final

from tradebot.domain.instrument import Instrument, OrderType
from tradebot.domain.situation import MarketStatus
from tradebot.venue.errors import AmbiguousError
from tradebot.venue.gemini.answers import SymbolDetails

ORDER_TYPES: Final[tuple[OrderType, ...]] = (
    "limit",
    "immediate-or-cancel",
    "maker-or-cancel",
    "fill-or-kill",
    "stop-limit",
)
STATUSES: Final[dict[str, MarketStatus]] = {
    "open": "open",
    "cancel_only": "cancel_only",
    "post_only": "post_only",
    "limit_only": "limit_only",
}
"""Statuses of Gemini; an undocumented one counts as closed."""


def instrument_of(details: SymbolDetails) -> Instrument:
    """Converts the venue's details of a symbol.

    Raises:
        AmbiguousError: its steps are invalid.
    """
    try:
        return Instrument(
            symbol=details.symbol.upper(),
            base=details.base_currency.upper(),
            quote=details.quote_currency.upper(),
            price_step=details.quote_increment,
            amount_step=details.tick_size,
            minimum=details.min_order_size,
            status=STATUSES.get(details.status.lower(), "closed"),
            order_types=ORDER_TYPES,
        )
    except ValueError as error:
        raise AmbiguousError("UnreadableAnswer", str(error)) from None
