"""The recorder's documents with implausible records between good ones, on each of its topics."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from line import poison
from line.day import TradingDay
from line.poison import Message
from msgspec.structs import replace

from tradebot.platform.health import Readiness
from tradebot.platform.store import StoredDocument
from tradebot.recorder.settings import RecorderSettings
from tradebot.recorder.stage import Received, Recorder
from tradebot.records import DocType, LiquidityRecord, encode

MINUTE = 60_000
DAY = 86_400_000


class Letters:
    """Collects rejected records, each with its reason."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []

    def put(self, _topic: str, _partition: int, offset: int, *, value: bytes, reason: str) -> None:
        self.found.append((offset, reason))


def recorder(**changes: Any) -> tuple[Recorder, Letters]:
    one = Recorder(RecorderSettings(**changes), None, Readiness("recorder"))  # type: ignore[arg-type]
    letters = Letters()
    one._dead_letters = letters  # type: ignore[assignment]
    return one, letters


def good() -> list[tuple[str, bytes, int]]:
    """Topic, value and Kafka's timestamp of the records of some minutes."""
    found = []
    for window, forecast, documents in TradingDay().minutes(8):
        found.append(("forecasts", encode(forecast), forecast.fitted_at + 30))
        found += [("faust.out", encode(record), record.window_end + 40) for record in window]
        found += [("trade-documents", encode(one), one.ts + 40) for one in documents]
    return found


GOOD = good()
NOW = GOOD[0][2]


def documents_of_no_time() -> list[bytes]:
    document = next(one for _, _, found in TradingDay().minutes(8) for one in found)
    times = (poison.FAR, NOW * 1000, NOW // 1000, -1, 0, NOW + 2 * DAY)
    return [encode(replace(document, ts=ts)) for ts in times]


POISON = [
    *(("faust.out", value) for value in poison.windows(NOW)),
    *(("forecasts", value) for value in poison.forecasts(TradingDay().forecast())),
    *(("trade-documents", value) for value in (*documents_of_no_time(), *poison.UNREADABLE)),
]


def stored(chosen: dict[int, list[int]]) -> tuple[list[StoredDocument], list[tuple[int, str]]]:
    one, letters = recorder()
    found: list[StoredDocument | None] = []
    offset = 0
    for number, (topic, value, stamp) in enumerate(GOOD):
        for which in chosen.get(number, []):
            bad_topic, bad = POISON[which]
            offset += 1
            said = one._read(Received(bad_topic, 0, offset, bad, b"BTCUSD", stamp))
            assert said is None and letters.found[-1][0] == offset, bad
        found.append(one._read(Received(topic, 0, 10_000 + number, value, b"BTCUSD", stamp)))
    assert one._windows.settled()
    return [document for document in found if document is not None], letters.found


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.integers(0, len(GOOD) - 1), st.lists(st.integers(0, len(POISON) - 1), max_size=4)
    )
)
def test_documents_are_the_same_whatever_poison_comes_between_the_records(
    chosen: dict[int, list[int]],
) -> None:
    documents, letters = stored(chosen)
    assert documents == stored({})[0]
    assert len(letters) == sum(map(len, chosen.values()))
    assert all(reason for _, reason in letters)


def test_each_kind_of_poison_is_rejected_and_no_good_record() -> None:
    documents, letters = stored({0: list(range(len(POISON)))})
    assert len(letters) == len(POISON)
    kinds = {document.doc_type for document in documents}
    assert {DocType.FORECAST, DocType.LIQUIDITY, DocType.BALANCE} <= kinds


def test_a_window_without_a_symbol_has_its_keys_and_is_rejected_without_one() -> None:
    end = NOW // MINUTE * MINUTE
    record = LiquidityRecord("ask", 1.0, end // 1000)
    one, letters = recorder()
    one._read(Received("faust.out", 0, 1, encode(record), b"ETHUSD", end))
    one._read(Received("faust.out", 0, 2, encode(record), None, end))
    assert [key[0] for key in one._windows._open] == ["ETHUSD"]
    assert letters.found == [(2, "it has no symbol, and its key is not one")]


def test_where_exchange_time_runs_faster_kafkas_timestamps_say_nothing_of_it() -> None:
    one, letters = recorder(speed=60.0)
    topic, value, stamp = GOOD[0]
    assert one._read(Received(topic, 0, 1, value, b"BTCUSD", stamp - 30 * DAY)) is not None
    assert letters.found == []


def test_a_message_keeps_its_key_and_its_timestamp() -> None:
    received = Received.of(Message(3, b"{}", "faust.out", b"BTCUSD", 5))  # type: ignore[arg-type]
    assert (received.key, received.stamp) == (b"BTCUSD", 5)
