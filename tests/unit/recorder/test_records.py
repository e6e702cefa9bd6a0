"""Records keep the form of the original pipeline, to the byte where it had one."""

import math

import msgspec
import pytest

from tradebot.platform.topics import ACCOUNTS, CONFIG, MINUTES
from tradebot.records import (
    DeadLetter,
    FeedRecord,
    LiquidityRecord,
    MinuteRecord,
    ProposalRecord,
    ProposedExits,
    decode,
    encode,
)

FEED_LINES = [
    b'{"side": "bid", "price": "11412.68", "remaining": "0.54571124"}',
    b'{"side": "ask", "price": "11421.64", "remaining": "4"}',
    b'{"side": "bid", "price": "11397.86", "remaining": "0"}',
]
LIQUIDITY_LINES = [
    b'{"type": "ask", "value": 83751098.75963986, "timestamp": 1602770086}',
    b'{"type": "bid", "value": 36606864.31078205, "timestamp": 1602770086}',
    b'{"type": "price_volume", "value": 0.43709115286763395, "timestamp": 1602770086}',
]


@pytest.mark.parametrize("line", FEED_LINES)
def test_a_feed_record_starts_with_the_original_three_fields_byte_for_byte(line: bytes) -> None:
    written = encode(decode(line, FeedRecord))
    original = line.replace(b'": ', b'":').replace(b", ", b",")
    assert written.startswith(original[:-1] + b",")


@pytest.mark.parametrize("line", LIQUIDITY_LINES)
def test_a_liquidity_record_starts_with_the_original_three_fields_byte_for_byte(
    line: bytes,
) -> None:
    written = encode(decode(line, LiquidityRecord))
    original = line.replace(b'": ', b'":').replace(b", ", b",")
    assert written.startswith(original[:-1] + b",")


def test_the_original_ratio_is_bid_flow_over_ask_flow_to_the_last_bit() -> None:
    ask, bid, ratio = (decode(line, LiquidityRecord).value for line in LIQUIDITY_LINES)
    assert ask is not None and bid is not None
    assert bid / ask == ratio == 0.43709115286763395


def test_a_side_without_flow_writes_null_not_infinity() -> None:
    record = LiquidityRecord(type="price_volume", value=None, timestamp=60)
    assert b'"value":null' in encode(record)


def test_a_record_with_a_wrong_type_is_refused_with_the_field_named() -> None:
    with pytest.raises(msgspec.ValidationError, match="price"):
        decode(b'{"side":"bid","price":1.5,"remaining":"1"}', FeedRecord)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b'{"side":"bid","price":"\xff","remaining":"1"}',
        b'{"side":"bid","price":"1","remaining":"1","more":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    ],
    ids=["empty", "no JSON", "a string that is no UTF-8", "brackets nested without end"],
)
def test_whatever_is_wrong_with_a_record_is_one_error(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(data, FeedRecord)


@pytest.mark.parametrize("byte", [b"\xff", b"\0", b"a"])
def test_a_dead_letter_fits_into_a_message_whatever_the_record(byte: bytes) -> None:
    value = byte * 1_000_000
    letter = DeadLetter.of("t", 1, 41, stage="s", error=repr(value), value=value)
    assert len(encode(letter)) < 250_000
    assert letter.key == b"t/1/41"


def test_a_float_survives_writing_and_reading_exactly() -> None:
    value = math.pi * 1e7
    record = LiquidityRecord(type="bid", value=value, timestamp=1)
    assert decode(encode(record), LiquidityRecord).value == value


def proposal(**changes: object) -> ProposalRecord:
    plain = ProposalRecord(
        bot="btc",
        strategy="SmaCross",
        digest="d",
        inputs="i",
        symbol="BTCUSD",
        bar_end=60_000,
        side="buy",
        size="0.5",
    )
    return msgspec.structs.replace(plain, **changes)


def test_a_proposal_is_named_by_its_proposer_and_its_bar() -> None:
    assert proposal().id == "btc/60000"


def test_a_proposals_exits_are_written_as_in_a_tradebot() -> None:
    written = encode(proposal(exits=ProposedExits(stop_loss="0.05", max_hold_minutes=90)))
    assert b'"exits":{"stopLoss":"0.05","maxHoldMinutes":90}' in written
    assert decode(written, ProposalRecord).exits == ProposedExits(
        stop_loss="0.05", max_hold_minutes=90
    )


def test_a_proposal_for_an_unknown_side_is_refused_with_the_field_named() -> None:
    with pytest.raises(msgspec.ValidationError, match="side"):
        decode(encode(proposal()).replace(b'"buy"', b'"short"'), ProposalRecord)


def test_each_minute_of_a_symbol_has_a_key_of_its_own_for_compaction() -> None:
    minutes = [
        MinuteRecord("BTCUSD", start, None, None, None, None, 0.0, None)
        for start in (60_000, 120_000)
    ]
    assert [minute.key for minute in minutes] == [b"BTCUSD/60000", b"BTCUSD/120000"]


def test_minutes_and_accounts_are_compacted_and_minutes_are_kept_a_year() -> None:
    assert CONFIG[ACCOUNTS]["cleanup.policy"] == "compact"
    assert CONFIG[MINUTES] == {"cleanup.policy": "compact,delete", "retention.ms": "31536000000"}
