"""Instruments: steps, statuses, and how a symbol is split into its currencies."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.domain.instrument import BASES, QUOTES, Instrument, split_symbol

BTCUSD = Instrument(
    symbol="BTCUSD",
    base="BTC",
    quote="USD",
    amount_step=Decimal("1E-8"),
    price_step=Decimal("0.01"),
    minimum=Decimal("0.00001"),
)


def test_amounts_are_rounded_down_and_dust_is_nothing() -> None:
    assert BTCUSD.amount(Decimal("0.123456789")) == Decimal("0.12345678")
    assert BTCUSD.amount(Decimal("0.000001")) == 0


def test_limits_are_rounded_to_our_side() -> None:
    assert BTCUSD.price("buy", Decimal("100.019")) == Decimal("100.01")
    assert BTCUSD.price("sell", Decimal("100.011")) == Decimal("100.02")


@pytest.mark.parametrize(
    ("status", "taken"),
    [
        ("open", True),
        ("limit_only", True),
        ("post_only", False),
        ("cancel_only", False),
        ("closed", False),
    ],
)
def test_a_status_says_whether_takers_are_accepted(status: str, taken: bool) -> None:
    assert msgspec.structs.replace(BTCUSD, status=status).accepts_takers is taken


@pytest.mark.parametrize("step", ["0", "-0.01", "NaN", "Infinity"])
@pytest.mark.parametrize("name", ["price_step", "amount_step"])
def test_a_step_that_no_order_can_be_on_is_refused(name: str, step: str) -> None:
    with pytest.raises(ValueError, match=name):
        msgspec.structs.replace(BTCUSD, **{name: Decimal(step)})


@pytest.mark.parametrize(
    ("symbol", "currencies"),
    [
        ("BTCUSD", ("BTC", "USD")),
        ("BTCUSDT", ("BTC", "USDT")),
        ("ETHUSDC", ("ETH", "USDC")),
        ("BTCGUSD", ("BTC", "GUSD")),
        ("PAXGUSD", ("PAXG", "USD")),
        ("USDTUSD", ("USDT", "USD")),
        ("SHIBUSD", ("SHIB", "USD")),
        ("ethbtc", ("ETH", "BTC")),
        ("DOGEUSD", ("DOGE", "USD")),
        ("NEWCOINEUR", ("NEWCOIN", "EUR")),
        ("ABCXYZ", ("ABC", "XYZ")),
    ],
)
def test_a_symbol_is_split_at_its_quote_currency(symbol: str, currencies: tuple[str, str]) -> None:
    assert split_symbol(symbol) == currencies


@settings(deadline=None)
@given(st.sampled_from(sorted(BASES)), st.sampled_from(QUOTES))
def test_known_currencies_come_back_out_of_their_symbol(base: str, quote: str) -> None:
    assert split_symbol(base + quote) == (base, quote)


def test_quote_currencies_are_tried_longest_first() -> None:
    assert sorted(QUOTES, key=len, reverse=True) == list(QUOTES)
