"""What an exit policy sees of the market."""

from decimal import Decimal

import msgspec

from tradebot.domain.risk.marks import sound
from tradebot.domain.situation import Quote, Settings


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """One look. `now` is the venue's time in ms; `price` is `None` where no sound one is known.

    `signal_at` is the end of the last window that could be traded on, 0 if there was none.
    """

    now: int
    price: Decimal | None
    signal_at: int


def fair_price(quote: Quote | None, settings: Settings) -> Decimal | None:
    """The mid of sound best prices, else the price of the last trade, if it is known.

    A book that lost a side must not hide a fall, nor make one up.
    """
    if quote is None:
        return None
    if sound(quote, settings):
        return quote.mid
    return quote.last if quote.last is not None and quote.last > 0 else None
