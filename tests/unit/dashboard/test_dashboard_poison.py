"""The page's reader with implausible records between good ones."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from line import poison
from line.day import TradingDay
from line.poison import Message

from tradebot.dashboard.board import Board, Sent
from tradebot.dashboard.following import Follower
from tradebot.dashboard.settings import DashboardSettings
from tradebot.dashboard.times import CONFIRM, TimeCheck
from tradebot.platform.health import Readiness
from tradebot.records import DocType, Document, ForecastRecord, encode

NOON = 1_609_502_400_000


def day() -> list[Message]:
    """Returns all topics of some minutes of trading, each record in Kafka at its own time."""
    made, found = TradingDay(), []

    def put(topic: str, records: Any, ts: int) -> None:
        found.extend(Message(0, encode(one), topic, b"BTCUSD", ts) for one in records)

    put("gemini-feed", made.opening_book(), made.now)
    for _ in range(1):
        for moved, trade in made.ticks():
            put("gemini-feed", moved, trade.ts)
            put("gemini-trades", [trade], trade.ts)
        window, forecast, documents = made.close_minute()
        put("faust.out", window, made.now)
        put("forecasts", [forecast], made.now)
        put("trade-documents", documents, made.now)
    return found


def poisons() -> list[Message]:
    good = ForecastRecord(
        "BTCUSD", "FastProphet", "d", NOON, NOON, NOON, 60_000, [9.3] * 60, [], []
    )
    ticker = {"bid": "dear", "ask": None, "last": "x", "volume_base": [], "volume_quote": {}}
    far = Document("far", DocType.TICKER, poison.FAR * 1000, "btc", "BTCUSD", {})
    documents = [
        encode(Document("t", DocType.TICKER, NOON, "btc", "BTCUSD", ticker)),
        encode(Document("h", DocType.HALT, NOON, "btc", "BTCUSD", {"state": 7})),
        encode(far),
        *poison.UNREADABLE,
    ]
    values = {
        "gemini-feed": poison.feed(NOON)[:-3],
        "faust.out": poison.windows(NOON),
        "forecasts": poison.forecasts(good),
        "trade-documents": documents,
    }
    return [
        Message(0, value, topic, b"BTCUSD", NOON)
        for topic, all_ in values.items()
        for value in all_
    ]


def shown(messages: list[Message]) -> dict[str, Any]:
    board = Board("BTCUSD", "Emulator", 30)
    follower = Follower(DashboardSettings(), board, Readiness("dashboard"))
    for message in messages:
        follower._take(message)  # type: ignore[arg-type]
    sections = dict(board.changes("", Sent()))
    json.dumps(sections, allow_nan=False)
    return sections


DAY, POISON = day(), poisons()


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.integers(5, len(DAY)), st.integers(0, len(POISON) - 1)), max_size=10))
def test_the_page_shows_the_same_whatever_poison_comes_between(
    chosen: list[tuple[int, int]],
) -> None:
    stream = list(DAY)
    for place, which in sorted(chosen, reverse=True):
        stamp = DAY[place - 1].stamp
        bad = POISON[which]
        stream.insert(place, Message(0, bad.data, bad.name, bad.named, stamp))
    assert shown(stream) == shown(DAY)


def test_no_records_end_the_page_s_stream_even_as_the_first() -> None:
    assert shown([*POISON, *DAY])["quote"]["mid"] is not None


def test_a_venue_whose_time_jumped_is_shown_after_some_records() -> None:
    times = TimeCheck()
    assert times.market(NOON, 1000)
    assert not times.allows(NOON + 3_600_000, 1000)
    believed = [times.market(NOON + 3_600_000, 1000) for _ in range(CONFIRM)]
    assert believed == [False] * (CONFIRM - 1) + [True]
