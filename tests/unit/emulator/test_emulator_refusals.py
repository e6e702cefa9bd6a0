"""Whatever a client sends is served or refused in the venue's words; nothing breaks."""

import contextlib
import itertools
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradebot.emulator.clock import ExchangeClock
from tradebot.emulator.exchange import Exchange
from tradebot.emulator.refusals import RefusalError
from tradebot.emulator.rest import private, public
from tradebot.emulator.rest.signed import Caller, check_nonce
from tradebot.emulator.settings import EmulatorSettings

EXCHANGE = Exchange(
    EmulatorSettings(history_days=1), ExchangeClock(1_600_000_020_000, 1.0, lambda: 0.0)
)
NUMBERS = ["0.1", "100", "-1", "NaN", "Infinity", "1e400", "1e-400", "0", "", "1,5", "１"]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(max_size=120),
    st.sampled_from([*NUMBERS, "btcusd", "buy", "exchange limit", "exchange stop limit"]),
    st.lists(st.sampled_from(["maker-or-cancel", "fill-or-kill", 1, None]), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
FIELDS = [
    "symbol",
    "amount",
    "price",
    "side",
    "type",
    "options",
    "stop_price",
    "client_order_id",
    "order_id",
    "timestamp",
    "limit_trades",
    "limit_orders",
    "include_trades",
]
GOOD = {
    "symbol": "btcusd",
    "amount": "0.1",
    "price": "100",
    "side": "buy",
    "type": "exchange limit",
}


@given(
    path=st.sampled_from(sorted(private.CALLS)),
    change=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4),
)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_private_payload_is_answered_or_refused(path: str, change: dict[str, Any]) -> None:
    key = EXCHANGE.keys["account-demo"]
    caller = Caller(key, EXCHANGE.accounts["primary"], {**GOOD, **change})
    with contextlib.suppress(RefusalError):
        json.dumps(private.CALLS[path].answer(EXCHANGE, caller))


@given(
    path=st.sampled_from(sorted(public.CALLS)),
    names=st.dictionaries(
        st.sampled_from(["symbol", "interval"]),
        st.sampled_from(["btcusd", "BTCUSD", "x", "", "1m", "1day", "9m", "all"]),
    ),
    query=st.dictionaries(
        st.sampled_from(["limit_bids", "limit_asks", "timestamp", "since_tid", "limit_trades"]),
        st.one_of(st.sampled_from(NUMBERS), st.text(max_size=8)),
    ),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_public_query_is_answered_or_refused(
    path: str, names: dict[str, str], query: dict[str, str]
) -> None:
    with contextlib.suppress(RefusalError):
        place = {"symbol": "btcusd", "interval": "1m", **names}
        json.dumps(public.CALLS[path](EXCHANGE, place, query))


@given(nonce=VALUES)
def test_any_nonce_is_accepted_or_refused(nonce: Any) -> None:
    with contextlib.suppress(RefusalError):
        check_nonce(EXCHANGE, EXCHANGE.keys["account-demo-time"], nonce)


@pytest.mark.parametrize("nonce", ["NaN", "Infinity", None, "", "soon"])
def test_a_nonce_that_is_not_a_number_does_not_spoil_its_key(nonce: Any) -> None:
    key = EXCHANGE.keys["account-demo-heartbeat"]
    with pytest.raises(RefusalError, match="InvalidNonce"):
        check_nonce(EXCHANGE, key, nonce)
    for good in itertools.islice(itertools.count(int(key.last_nonce) + 1), 3):
        check_nonce(EXCHANGE, key, good)
