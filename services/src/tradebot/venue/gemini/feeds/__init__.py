"""Parsers of the venue's three market data interfaces: pure, one module each.

A feed reads one connection from its first frame on and keeps the order book. It raises
`FeedBrokenError` if the stream can no longer be trusted; only a new connection helps, which starts
with a whole book again.
"""

from collections.abc import Callable
from typing import Final, Literal, TypeGuard, get_args

from tradebot.venue.gemini.feeds.base import Feed
from tradebot.venue.gemini.feeds.new import NewFeed
from tradebot.venue.gemini.feeds.v1 import V1Feed
from tradebot.venue.gemini.feeds.v2 import V2Feed
from tradebot.venue.market import Clock

Interface = Literal["new", "v1", "v2"]
INTERFACES: Final[tuple[str, ...]] = get_args(Interface)

_KINDS: dict[Interface, Callable[[str, Clock], Feed]] = {
    "new": NewFeed,
    "v1": V1Feed,
    "v2": V2Feed,
}


def feed_of(interface: Interface, symbol: str, clock: Clock) -> Feed:
    """Returns a feed for one connection.

    Args:
        symbol: upper case, such as `BTCUSD`.
        clock: the venue's time, kept across connections.
    """
    return _KINDS[interface](symbol, clock)


def is_interface(name: str) -> TypeGuard[Interface]:
    """Whether Gemini has an interface of that name."""
    return name in INTERFACES
