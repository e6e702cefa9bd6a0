"""Another package makes the same trades and the same figures from the same bars and rule.

backtesting.py fills at the next open too, so trades must agree one by one. It defines Sharpe ratio
and volatility differently (geometric means), so these are not compared.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
from backtesting import Backtest, Strategy

from tradebot.backtest.costs import Costs, flat
from tradebot.backtest.engines import compiled
from tradebot.backtest.outcome import judge, trips
from tradebot.strategies import Bars, Orders, Sizing, sma_cross
from tradebot.strategies.indicators import moving_average

DAY_MS = 86_400_000
CASH, FEE, FAST, SLOW = 100_000.0, 0.001, 8, 21
COSTS = Costs(tiers=flat(FEE * 1e4), spread_bps=0, volume_share=np.inf, price_step=1e-9, minimum=0)


@pytest.fixture(scope="module")
def bars() -> Bars:
    random = np.random.default_rng(21)
    close = 100 * np.exp(np.cumsum(random.normal(0.0005, 0.03, 900)))
    opening = np.concatenate([[100.0], close[:-1]]) * np.exp(random.normal(0, 0.004, 900))
    high, low = np.maximum(opening, close) * 1.01, np.minimum(opening, close) * 0.99
    ts = 1_546_300_800_000 + DAY_MS * np.arange(900, dtype=np.int64)
    return Bars(ts, opening, high, low, close, np.full(900, 1e6), DAY_MS)


class Cross(Strategy):
    def init(self) -> None:
        self.fast = self.I(moving_average, self.data.Close, FAST)
        self.slow = self.I(moving_average, self.data.Close, SLOW)

    def next(self) -> None:
        above, before = self.fast[-1] > self.slow[-1], self.fast[-2] > self.slow[-2]
        if above and not before and not self.position:
            self.buy(size=100)
        elif not above and before and self.position:
            self.position.close()


@pytest.fixture(scope="module")
def peer(bars: Bars) -> pd.Series:
    frame = pd.DataFrame(
        {name.title(): getattr(bars, name) for name in ("open", "high", "low", "close", "volume")},
        index=pd.to_datetime(bars.ts, unit="ms"),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Backtest(frame, Cross, cash=CASH, commission=FEE, finalize_trades=False).run()


@pytest.fixture(scope="module")
def ours(bars: Bars) -> compiled.Result:
    crossing = sma_cross.signals(bars, FAST, SLOW)
    size = np.full(len(bars.ts), 100.0)
    orders = Orders(side=crossing.side, size=size, sizing=Sizing.AMOUNT)
    return compiled.run(bars, orders, COSTS, CASH)


def test_entries_and_exits_are_at_the_same_bars_and_prices(
    bars: Bars, ours: compiled.Result, peer: pd.Series
) -> None:
    trades = peer["_trades"]
    closed = trips(bars, ours)
    assert len(closed) == len(trades) > 10
    bought, sold = ours.fills.side > 0, ours.fills.side < 0
    assert ours.fills.bar[bought][: len(trades)].tolist() == trades["EntryBar"].tolist()
    assert ours.fills.bar[sold].tolist() == trades["ExitBar"].tolist()
    np.testing.assert_allclose([t.entry_price for t in closed], trades["EntryPrice"], rtol=1e-9)
    np.testing.assert_allclose([t.exit_price for t in closed], trades["ExitPrice"], rtol=1e-9)
    np.testing.assert_allclose([t.profit for t in closed], trades["PnL"], atol=1e-6)


def test_equity_and_the_figures_that_mean_the_same_agree(
    bars: Bars, ours: compiled.Result, peer: pd.Series
) -> None:
    table = judge(bars, ours, cash=CASH)
    assert ours.equity[-1] == pytest.approx(peer["Equity Final [$]"], rel=1e-9)
    assert table.cumulative_return == pytest.approx(peer["Return [%]"] / 100, rel=1e-9)
    assert table.max_drawdown == pytest.approx(-peer["Max. Drawdown [%]"] / 100, rel=1e-9)
    assert table.win_rate == pytest.approx(peer["Win Rate [%]"] / 100, rel=1e-9)
    closed_fees = sum(trip.fees for trip in trips(bars, ours))
    assert closed_fees == pytest.approx(peer["Commissions [$]"], rel=1e-9)
