"""Whatever a network does to a numbered stream: the book is right, or the feed reports the break.

The second interface has no sequence, so only what its own order of frames shows can be promised.
"""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.domain.book import OrderBook, Side
from tradebot.platform.clock import VenueClock
from tradebot.venue.errors import FeedBrokenError
from tradebot.venue.gemini.feeds.new import NewFeed
from tradebot.venue.gemini.feeds.v1 import V1Feed

Level = tuple[Side, int, int]
Book = dict[tuple[Side, int], int]

LEVELS = st.one_of(
    st.tuples(st.just("bid"), st.integers(90, 99), st.integers(0, 3)),
    st.tuples(st.just("ask"), st.integers(101, 110), st.integers(0, 3)),
)
UPDATES = st.lists(st.lists(LEVELS, max_size=3), min_size=1, max_size=20)
FAULTS = st.lists(
    st.tuples(
        st.sampled_from(["drop", "duplicate", "swap", "truncate", "repeat an old one"]),
        st.integers(0, 30),
    ),
    max_size=3,
)


def truths(updates: list[list[Level]]) -> list[Book]:
    """The book after each update."""
    book: Book = {}
    found = []
    for update in updates:
        for side, price, size in update:
            book.pop((side, price), None)
            if size:
                book[side, price] = size
        found.append(dict(book))
    return found


def spoiled(frames: list[str], faults: list[tuple[str, int]]) -> list[str]:
    frames = list(frames)
    for fault, where in faults:
        at = where % len(frames) if frames else 0
        if not frames:
            break
        if fault == "drop":
            del frames[at]
        elif fault == "duplicate":
            frames.insert(at, frames[at])
        elif fault == "swap" and at + 1 < len(frames):
            frames[at], frames[at + 1] = frames[at + 1], frames[at]
        elif fault == "truncate":
            frames[at] = frames[at][: len(frames[at]) // 2]
        elif fault == "repeat an old one":
            frames.append(frames[at])
    return frames


def held(book: OrderBook) -> Book:
    sides: tuple[Side, Side] = ("bid", "ask")
    return {(side, int(price)): int(size) for side in sides for price, size in book.levels(side)}


def new_frame(number: int, update: list[Level]) -> str:
    content: dict[str, Any] = {"e": "depthUpdate", "E": 1, "s": "BTCUSD"}
    content |= {"U": number, "u": number, "b": [], "a": []}
    for side, price, size in update:
        content["b" if side == "bid" else "a"].append([str(price), str(size)])
    return json.dumps(content)


def v1_frame(number: int, update: list[Level]) -> str:
    events = [
        {
            "type": "change",
            "side": side,
            "price": str(price),
            "remaining": str(size),
            "reason": "place",
        }
        for side, price, size in update
    ]
    content = {"type": "update", "timestampms": 1, "socket_sequence": number, "events": events}
    return json.dumps(content)


def check(
    feed: NewFeed | V1Feed, frames: list[str], truth: list[Book], seen: Callable[[], int]
) -> None:
    """Reads until the feed breaks; checks the book after each frame against the last update."""
    for frame in frames:
        try:
            feed.read(frame)
        except FeedBrokenError:
            return
        assert held(feed.book) == truth[seen()]


def clean(updates: list[list[Level]]) -> list[list[Level]]:
    """Leaves one change per level and update: the new interface sends each level once."""
    return [
        list({(side, price): (side, price, size) for side, price, size in u}.values())
        for u in updates
    ]


@settings(max_examples=100)
@given(UPDATES, FAULTS)
def test_the_new_interface_is_right_or_broken(
    updates: list[list[Level]], faults: list[tuple[str, int]]
) -> None:
    updates = clean(updates)
    frames = [new_frame(number, update) for number, update in enumerate(updates)]
    feed = NewFeed("BTCUSD", VenueClock(monotonic=lambda: 0.0))

    def seen() -> int:
        assert feed._last is not None
        return feed._last

    # A connection's first frame is the whole book; one that is not cannot be recognised.
    spoilt = spoiled(frames, faults)
    if spoilt and spoilt[0] == frames[0]:
        check(feed, spoilt, truths(updates), seen)


@settings(max_examples=100)
@given(UPDATES, FAULTS)
def test_the_first_interface_is_right_or_broken(
    updates: list[list[Level]], faults: list[tuple[str, int]]
) -> None:
    frames = [v1_frame(number, update) for number, update in enumerate(updates)]
    feed = V1Feed("BTCUSD", VenueClock(monotonic=lambda: 0.0))
    check(feed, spoiled(frames, faults), truths(updates), lambda: feed._next - 1)


def test_the_model_of_the_book_is_the_book() -> None:
    book = OrderBook()
    for side, price, size in [("bid", 90, 2), ("bid", 90, 0), ("ask", 101, 1)]:
        book.set(side, Decimal(price), Decimal(size))  # type: ignore[arg-type]
    assert held(book) == truths([[("bid", 90, 2)], [("bid", 90, 0), ("ask", 101, 1)]])[-1]
