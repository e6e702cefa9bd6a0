"""Private requests are signed as documented, and keys are never shown."""

import base64
import hashlib
import hmac
import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot.platform.settings import SettingsError
from tradebot.venue.gemini.nonces import CounterNonces, TimeNonces
from tradebot.venue.gemini.signing import (
    Credentials,
    handshake_headers,
    read_credentials,
    signed_headers,
)

KEY = Credentials("account-mykey", "1234abcd")


def verified(headers: dict[str, str], secret: str) -> bytes:
    """Checks the signature over the base64 text; returns the payload's content."""
    payload = headers["X-GEMINI-PAYLOAD"]
    expected = hmac.new(secret.encode(), payload.encode(), hashlib.sha384).hexdigest()
    assert headers["X-GEMINI-SIGNATURE"] == expected
    return base64.b64decode(payload)


def test_the_payload_names_the_path_the_nonce_and_the_parameters() -> None:
    headers = signed_headers(KEY, "/v1/order/status", 123456, {"order_id": "18834"})
    assert headers["X-GEMINI-APIKEY"] == "account-mykey"
    assert headers["Content-Type"] == "text/plain"
    assert headers["Content-Length"] == "0"
    assert headers["Cache-Control"] == "no-cache"
    assert json.loads(verified(headers, "1234abcd")) == {
        "request": "/v1/order/status",
        "nonce": 123456,
        "order_id": "18834",
    }


def test_the_signature_is_hmac_sha384_in_hex_over_the_base64_text() -> None:
    # The venue's documentation signs this payload with the secret "1234abcd".
    text = b'{"request":"/v1/order/status","nonce":123456,"order_id":18834}'
    headers = signed_headers(KEY, "/v1/order/status", 123456, {"order_id": 18834})
    assert base64.b64decode(headers["X-GEMINI-PAYLOAD"]) == text
    assert len(headers["X-GEMINI-SIGNATURE"]) == 96


def test_a_master_key_names_its_account() -> None:
    master = Credentials("master-x", "s", account="primary")
    headers = signed_headers(master, "/v1/balances", 1, {})
    assert json.loads(verified(headers, "s"))["account"] == "primary"


def test_the_new_socket_signs_the_nonce_alone() -> None:
    headers = handshake_headers(KEY, 1700000000)
    assert headers["X-GEMINI-NONCE"] == "1700000000"
    assert verified(headers, "1234abcd") == b"1700000000"


def test_a_key_shows_neither_half_in_text() -> None:
    for text in (repr(KEY), str(KEY), f"{KEY}", repr([KEY])):
        assert "mykey" not in text and "1234abcd" not in text


def test_keys_are_read_from_two_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("account-a\n")
    (tmp_path / "secret").write_text("b\n")
    key = read_credentials(str(tmp_path / "key"), str(tmp_path / "secret"))
    assert (key.api_key, key.secret) == ("account-a", "b")


def test_a_missing_key_file_is_named_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"api_key_file is .*nowhere.*set it to the path"):
        read_credentials(str(tmp_path / "nowhere"), str(tmp_path / "nowhere"))


def test_an_empty_key_file_is_named_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("account-a")
    (tmp_path / "secret").write_text("\n")
    with pytest.raises(SettingsError, match=r"api_secret_file is .*the file is empty"):
        read_credentials(str(tmp_path / "key"), str(tmp_path / "secret"))


@given(st.lists(st.floats(0, 4e9, allow_nan=False), min_size=2, max_size=50))
def test_a_counter_rises_whatever_the_clock_does(times: list[float]) -> None:
    ticks = iter(times)
    nonces = CounterNonces(clock=lambda: next(ticks))
    drawn = [nonces.next() for _ in times]
    assert all(earlier < later for earlier, later in pairwise(drawn))


def test_a_restarted_process_begins_above_what_the_last_one_used() -> None:
    first = CounterNonces(clock=lambda: 1000.0)
    used = [first.next() for _ in range(5)]
    assert CounterNonces(clock=lambda: 1000.5).next() > max(used)


def test_a_refused_counter_leaps_ahead_further_each_time() -> None:
    nonces = CounterNonces(clock=lambda: 1000.0)
    start = nonces.next()
    assert nonces.refused()
    second = nonces.next()
    assert nonces.refused()
    assert nonces.next() - second > second - start > 1


def test_a_time_based_nonce_is_the_time_in_seconds_and_rises() -> None:
    nonces = TimeNonces(clock=lambda: 1700000000.25)
    assert [nonces.next(), nonces.next()] == ["1700000000.250", "1700000000.251"]
    assert not nonces.refused()
