"""What an exit sells at: by the book's depth, deeper step by step, never below its floor.

An immediate-or-cancel limit fills at the book's prices, so a deeper limit costs nothing where bids
are better. It bounds what a book that empties at that moment may cost.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from tradebot.domain.exits import flatten
from tradebot.domain.money import limit_price
from tradebot.domain.risk.marks import sound
from tradebot.domain.situation import BPS, Quote, Settings

Level = tuple[Decimal, Decimal]
"""Price and amount."""


def anchor(quote: Quote | None, settings: Settings, leaving: str) -> Decimal | None:
    """The price that an exit's slippage is measured from; `None` where none can be trusted.

    The best bid of a sound book, else the last trade's price. A person's order to flatten sells in
    a market of any width, so it always takes the best bid.

    Args:
        leaving: the name of the exit.
    """
    if quote is None:
        return None
    if quote.bid > 0 and (leaving == flatten.EXIT or sound(quote, settings)):
        return quote.bid
    return quote.last if quote.last is not None and quote.last > 0 else None


def floor_price(start: Decimal, settings: Settings, step: Decimal) -> Decimal:
    """The lowest price that an exit anchored at `start` may sell at."""
    return lowest_price(start, settings.exits.max_slippage_bps, step)


def lowest_price(start: Decimal, reach: int, step: Decimal) -> Decimal:
    """The price `reach` basis points below `start`, on the price step."""
    return limit_price("sell", start * (1 - reach / BPS), step)


def reaches(settings: Settings) -> Iterator[int]:
    """How far below the anchor each try may go, in basis points: doubling, up to the maximum."""
    last = settings.exits.max_slippage_bps
    reach = min(max(1, settings.slippage_bps), last)
    while reach < last:
        yield reach
        reach *= 2
    yield last


def limit_of(bids: Sequence[Level], lowest: Decimal) -> Decimal | None:
    """The limit of a try that may sell down to `lowest`; `None` if no bid is there.

    It is `lowest` itself, not the price that the book shows: a market that falls faster than the
    order travels would leave every try just above the best bid.
    """
    return lowest if bids and bids[0][0] >= lowest else None
