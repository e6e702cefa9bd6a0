"""A topic's record becomes a stored document, or is rejected with a reason."""

import math

import msgspec
import pytest
from line.day import TradingDay

from tradebot.recorder import reading
from tradebot.records import DocType, Document, encode


def a_document(kind: DocType) -> Document:
    day = TradingDay()
    made = [d for _, _, documents in day.minutes(60) for d in documents] + [day.halt()]
    return next(d for d in made if d.doc_type == kind)


@pytest.mark.parametrize("kind", [k for k in DocType if k not in ("liquidity", "forecast")])
def test_a_stored_document_is_its_body_with_bot_symbol_time_and_kind(kind: DocType) -> None:
    document = a_document(kind)
    stored = reading.document_of(encode(document))
    assert msgspec.json.decode(stored.source) == {
        **document.body,
        "bot": "btc",
        "symbol": "BTCUSD",
        "base": "BTC",
        "quote": "USD",
        "ts": document.ts,
        "doc_type": kind,
    }
    assert stored == reading.stored(document)


def test_a_document_without_currencies_is_stored_with_those_of_its_symbol() -> None:
    old = msgspec.structs.replace(a_document(DocType.FILL), symbol="BTCUSDT", base="", quote="")
    body = msgspec.json.decode(reading.document_of(encode(old)).source)
    assert (body["base"], body["quote"]) == ("BTC", "USDT")


def test_a_document_keeps_the_currencies_that_its_bot_named() -> None:
    named = msgspec.structs.replace(a_document(DocType.FILL), base="PAX", quote="GUSD")
    body = msgspec.json.decode(reading.document_of(encode(named)).source)
    assert (body["base"], body["quote"]) == ("PAX", "GUSD")


def test_a_document_has_the_environment_of_the_recorder_s_settings() -> None:
    document = a_document(DocType.FILL)
    for told in (
        reading.document_of(encode(document), "Sandbox"),
        reading.stored(document, "Sandbox"),
    ):
        body = msgspec.json.decode(told.source)
        assert body.pop("environment") == "Sandbox"
        plain = reading.stored(document)
        assert body == msgspec.json.decode(plain.source) and told.id == plain.id


def test_an_empty_body_still_makes_json() -> None:
    document = Document("i", DocType.HALT, 1, "b", "S", {"state": "halted", "reason": "r"})
    assert msgspec.json.decode(reading.stored(document).source)["state"] == "halted"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"price": "411.2"}, "price"),
        ({"colour": "blue"}, "colour"),
        ({"side": "borrow"}, "side"),
    ],
)
def test_a_body_that_is_not_of_its_kind_is_refused_by_name(
    change: dict[str, object], reason: str
) -> None:
    fill = a_document(DocType.FILL)
    wrong = msgspec.structs.replace(fill, body=fill.body | change)
    with pytest.raises(reading.UnreadableError, match=reason):
        reading.document_of(encode(wrong))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"id": 3}', b"\xff\xfe"])
def test_what_is_not_a_document_is_refused(data: bytes) -> None:
    with pytest.raises(reading.UnreadableError):
        reading.document_of(data)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ts": -1}, "ts"),
        ({"ts": 4_102_444_800_000}, "ts"),
        ({"ts": 2**63}, "ts"),
        ({"id": ""}, "id"),
        ({"id": "ü" * 257}, "id"),
    ],
)
def test_a_time_or_an_id_that_no_store_takes_is_refused(
    change: dict[str, object], reason: str
) -> None:
    wrong = msgspec.structs.replace(a_document(DocType.FILL), **change)
    with pytest.raises(reading.UnreadableError, match=reason):
        reading.document_of(encode(wrong))
    with pytest.raises(reading.UnreadableError, match=reason):
        reading.stored(wrong)


def test_a_body_nested_without_end_is_refused() -> None:
    data = encode(Document("i", DocType.HALT, 1, "b", "S", {"state": 1}))
    with pytest.raises(reading.UnreadableError):
        reading.document_of(data.replace(b":1}", b":" + b"[" * 50_000 + b"]" * 50_000 + b"}"))


def test_a_forecast_is_stored_with_its_prices_one_hour_and_one_day_ahead() -> None:
    record = TradingDay().forecast()
    body = reading.forecast_of(encode(record)).body
    assert body["price_next"] == pytest.approx(math.exp(record.log_price[0]))
    assert body["price_1h"] == pytest.approx(math.exp(record.log_price[59]))
    assert body["price_24h"] == pytest.approx(math.exp(record.log_price[1439]))
    assert body["lower_1h"] < body["price_1h"] < body["upper_1h"]


def test_a_short_forecast_leaves_out_what_it_does_not_reach() -> None:
    record = TradingDay(steps=30).forecast()
    body = reading.forecast_of(encode(record)).body
    assert body["price_1h"] is None and body["price_24h"] is None


def test_the_same_forecast_read_twice_is_one_document() -> None:
    data = encode(TradingDay().forecast())
    assert reading.forecast_of(data).id == reading.forecast_of(data).id
