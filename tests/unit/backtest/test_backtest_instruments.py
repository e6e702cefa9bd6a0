"""Price and amount steps: from a venue's market, from the user, or from the data's digits."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.backtest import instruments
from tradebot.backtest.command import command as backtest
from tradebot.backtest.settings import BacktestSettings
from tradebot.history.arrays import Bars
from tradebot.platform.settings import SettingsError

DAY_MS = 86_400_000


def bars_of(*prices: float) -> Bars:
    price = np.array(prices)
    ts = np.arange(len(prices), dtype=np.int64) * DAY_MS
    return Bars(ts, price, price, price, price, np.full(len(prices), 1e12), DAY_MS)


def run(folder: Path, prices: list[str], *flags: str) -> Result:
    rows = ["ts,open,high,low,close,volume,weighted"]
    for day, price in enumerate(prices):
        ts = 1_609_459_200_000 + day * DAY_MS
        rows.append(f"{ts},{price},{price},{price},{price},100000000000,{price}")
    (folder / "prices.csv").write_text("\n".join(rows) + "\n")
    fixed = ["BuyAndHold", "--data", str(folder / "prices.csv"), "--to", ""]
    free = ["--fee-bps", "0", "--spread-bps", "0", "--report", str(folder / "r.html")]
    return CliRunner().invoke(backtest, [*fixed, *free, *flags, "--json"])


def held(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])["buy_and_hold"]
    return found


def test_a_coin_at_a_hundred_thousandth_that_doubles_doubles_the_cash(tmp_path: Path) -> None:
    prices = ["0.0000100", "0.0000100", "0.0000150", "0.0000200"]
    assert held(run(tmp_path, prices))["final_equity"] == pytest.approx(20_000)


@pytest.mark.parametrize("price", ["0.004", "0.00000001", "7", "58123.5", "1234567"])
def test_a_flat_price_of_any_size_keeps_the_cash(tmp_path: Path, price: str) -> None:
    assert held(run(tmp_path, [price] * 3))["final_equity"] == pytest.approx(10_000)


def test_a_spread_costs_about_itself_on_a_cheap_coin(tmp_path: Path) -> None:
    result = run(tmp_path, ["0.0000100"] * 3, "--spread-bps", "20")
    assert held(result)["cumulative_return"] == pytest.approx(-0.001, rel=0.05)


@settings(deadline=None)
@given(
    steps=st.lists(st.integers(100_001, 10**9), min_size=1, max_size=20), places=st.integers(0, 9)
)
def test_prices_with_enough_digits_give_the_step_that_they_are_written_on(
    steps: list[int], places: int
) -> None:
    prices = [float(Decimal(count * 10 + 1).scaleb(-places)) for count in steps]
    assert instruments.price_step(bars_of(*prices)) == Decimal(1).scaleb(-places)


@settings(deadline=None)
@given(st.floats(1e-10, 1e9))
def test_a_step_is_a_basis_point_of_the_lowest_price_at_most(price: float) -> None:
    step = instruments.price_step(bars_of(price, price * 3))
    assert step <= 1 and (float(step) <= price * 1e-4 * (1 + 1e-9) or step == 1)


def test_what_a_person_gives_comes_before_the_digits() -> None:
    given = BacktestSettings(price_step=0.05, amount_step=0.1, minimum=2.0, symbol="eth-usdt")
    found = instruments.instrument(given, bars_of(10.0, 11.0))
    assert (found.price_step, found.amount_step, found.minimum) == (
        Decimal("0.05"),
        Decimal("0.1"),
        Decimal("2.0"),
    )
    assert found.currencies == ("ETH", "USDT")


def test_a_step_above_the_price_is_refused_with_both(tmp_path: Path) -> None:
    result = run(tmp_path, ["0.004"] * 3, "--price-step", "0.01")
    assert result.exit_code == 2
    assert "the price step is 0.01, but the data has a price of 0.004" in result.output


def test_a_venue_without_a_symbol_is_refused_with_a_request_for_it(tmp_path: Path) -> None:
    result = run(tmp_path, ["5"] * 3, "--venue", "gemini")
    assert "there is no symbol: set --symbol" in result.output


def market(price: float | None, amount: float | None, least: float | None) -> dict[str, Any]:
    return {
        "base": "DOGE",
        "quote": "USD",
        "precision": {"price": price, "amount": amount},
        "limits": {"amount": {"min": least}},
    }


def test_a_market_of_ccxt_gives_its_steps_and_minimum() -> None:
    found = instruments.of_ccxt("DOGEUSD", market(1e-07, 1e-08, 50.0), 0.1, significant=False)
    assert (found.price_step, found.amount_step) == (Decimal("1E-7"), Decimal("1E-8"))
    assert (found.minimum, found.currencies) == (Decimal(50), ("DOGE", "USD"))


@pytest.mark.parametrize(("low", "step"), [(58_000.0, "1"), (0.1234, "0.00001"), (1.0, "0.0001")])
def test_significant_digits_give_the_step_of_the_lowest_price(low: float, step: str) -> None:
    found = instruments.of_ccxt("X", market(5.0, 1e-08, None), low, significant=True)
    assert found.price_step == Decimal(step)
    assert found.minimum == instruments.MINIMUM


def test_a_market_without_a_price_step_says_how_to_give_one() -> None:
    with pytest.raises(SettingsError, match="no price step for X: set --price-step"):
        instruments.of_ccxt("X", market(None, None, None), 1.0, significant=False)
