"""The original pipeline's records, of three fields, count exactly as whole ones do."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tradebot.domain.bounds import EARLIEST, LATEST
from tradebot.domain.feed import UNNUMBERED
from tradebot.liquidity.decoding import decode


class Stored:
    """A record as Kafka's client returns it."""

    def __init__(self, offset: int, value: bytes, key: bytes | None, timestamp: int) -> None:
        self.offset = offset
        self.value = value
        self.key = key
        self.timestamp = timestamp


SYMBOLS = st.sampled_from(["BTCUSD", "ETHUSD", "btcusd"])
TIMES = st.integers(EARLIEST, LATEST - 1)
PRICES = st.decimals("0.01", "1000000", places=2).map(str)
SIZES = st.decimals("0", "100000", places=8).map(str)
SIDES = st.sampled_from(["bid", "ask"])
IMPLAUSIBLE = st.sampled_from(
    [
        {"side": "buy"},
        {"price": "0"},
        {"price": "-1"},
        {"price": "NaN"},
        {"price": None},
        {"remaining": "-0.1"},
        {"remaining": "Infinity"},
        {"remaining": "many"},
    ]
)


@st.composite
def three_fields(draw: st.DrawFn) -> dict[str, Any]:
    return {"side": draw(SIDES), "price": draw(PRICES), "remaining": draw(SIZES)}


@given(three_fields(), SYMBOLS, TIMES, st.booleans())
def test_three_fields_are_the_whole_record_of_their_key_or_stage_and_kafkas_time(
    record: dict[str, Any], symbol: str, ts: int, keyed: bool
) -> None:
    key, own = (symbol.encode(), "OTHER") if keyed else (None, symbol)
    whole = record | {"symbol": symbol, "ts": ts, "reason": "place", "seq": 5}
    (short,) = decode([Stored(0, json.dumps(record).encode(), key, ts)], own=own).changes
    (long,) = decode([Stored(0, json.dumps(whole).encode(), key, ts)], own=own).changes
    assert short.seq == UNNUMBERED and long.seq == 5
    fields = ("side", "price", "remaining", "symbol", "ts", "reason")
    assert [getattr(short, name) for name in fields] == [getattr(long, name) for name in fields]


@given(st.lists(st.tuples(three_fields(), st.none() | IMPLAUSIBLE), min_size=1), TIMES)
def test_an_implausible_one_is_rejected_and_changes_no_other(
    rows: list[tuple[dict[str, Any], dict[str, Any] | None]], ts: int
) -> None:
    stored = [
        Stored(offset, json.dumps(record | (fault or {})).encode(), b"BTCUSD", ts)
        for offset, (record, fault) in enumerate(rows)
    ]
    decoded = decode(stored)
    bad = [offset for offset, (_, fault) in enumerate(rows) if fault is not None]
    assert [each.offset for each in decoded.unreadable] == bad
    good = [(r["side"], float(r["price"]), float(r["remaining"])) for r, fault in rows if not fault]
    assert [(each.side, each.price, each.remaining) for each in decoded.changes] == good


@given(three_fields(), st.sampled_from([None, b"", b"\xff", b"not a symbol"]), TIMES)
def test_without_key_and_setting_no_symbol_is_guessed(
    record: dict[str, Any], key: bytes | None, ts: int
) -> None:
    decoded = decode([Stored(0, json.dumps(record).encode(), key, ts)])
    assert decoded.changes == []
    assert "set --symbol" in decoded.unreadable[0].error
