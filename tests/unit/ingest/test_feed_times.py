"""Times in a connection's frames: when they are trusted, and when they end the connection."""

import json
from typing import Any

import pytest

from tradebot.platform.clock import VenueClock
from tradebot.venue.errors import FeedBrokenError
from tradebot.venue.gemini.feeds import feed_of

MS = 1_751_508_260_659


def clock() -> VenueClock:
    return VenueClock(monotonic=lambda: 0.0)


HOUR_MS = 3_600_000


HERE = MS // HOUR_MS * HOUR_MS


def beat(interface: str, ts: int, number: int) -> str:
    """Returns a frame with a time."""
    if interface == "new":
        content = {"E": ts * 1_000_000, "s": "btcusd", "t": 1, "p": "101.00", "q": "1", "m": False}
        return json.dumps(content)
    told = {"type": "heartbeat", "timestampms": ts, "timestamp": ts}
    return json.dumps(told | {"socket_sequence": number})


@pytest.mark.parametrize("interface", ["new", "v1", "v2"])
def test_a_frame_from_the_future_breaks_the_feed_and_leaves_the_clock_where_it_was(
    interface: Any,
) -> None:
    time = clock()
    feed = feed_of(interface, "BTCUSD", time)
    feed.read(beat(interface, HERE, 0))
    feed.read(beat(interface, HERE + 1, 1))
    with pytest.raises(FeedBrokenError, match="in the future") as broken:
        feed.read(beat(interface, HERE + 2 + HOUR_MS, 2))
    assert broken.value.cause == "malformed"
    assert time.now() == HERE + 1


@pytest.mark.parametrize("interface", ["new", "v1", "v2"])
def test_a_connection_begins_wherever_two_frames_say_that_the_venues_time_is(
    interface: Any,
) -> None:
    time = clock()
    feed = feed_of(interface, "BTCUSD", time)
    feed.read(beat(interface, HERE, 0))
    assert not feed.dated, "one frame may be wrong"
    feed.read(beat(interface, HERE + 1, 1))
    assert feed.dated
    later = feed_of(interface, "BTCUSD", time)
    later.read(beat(interface, HERE + 5 * HOUR_MS, 0))
    assert (later.dated, time.now()) == (False, HERE + 1)
    later.read(beat(interface, HERE + 5 * HOUR_MS + 1, 1))
    assert (later.dated, time.now()) == (True, HERE + 5 * HOUR_MS + 1)


@pytest.mark.parametrize("interface", ["new", "v1", "v2"])
@pytest.mark.parametrize("known", [True, False])
def test_a_first_frame_from_the_future_ends_the_connection_before_it_is_published(
    interface: Any, known: bool
) -> None:
    time = clock()
    if known:
        time.follow(HERE)
    feed = feed_of(interface, "BTCUSD", time)
    feed.read(beat(interface, HERE + 100_000 * HOUR_MS, 0))
    assert not feed.dated
    with pytest.raises(FeedBrokenError, match="s apart"):
        feed.read(beat(interface, HERE + 1, 1))
    assert not feed.dated
    again = feed_of(interface, "BTCUSD", time)
    again.read(beat(interface, HERE + 2, 0))
    assert again.dated and time.now() == HERE + 2
