"""What an equity curve is worth: pure functions of arrays, formulas and sources in the docstrings.

Conventions. `equity` is a curve of account values at equal steps, the first before any trade;
`returns` are its simple returns, one fewer. A market that never closes has 365 days a year, and a
year is 365 × 24 × 3600 s. Variances are of the sample (divisor n − 1). Losses are positive numbers
in value at risk and drawdown. Where a figure is not defined (no variance, no loss, no trade) it is
`nan`, never a sentinel.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

YEAR_SECONDS = 365 * 24 * 3600


class Trip(msgspec.Struct, frozen=True):
    """A closed round trip: bought, then sold; prices and fees in quote currency, times in ms."""

    entry_ts: int
    exit_ts: int
    entry_price: float
    exit_price: float
    amount: float
    fees: float

    @property
    def profit(self) -> float:
        """What it gained after fees."""
        return (self.exit_price - self.entry_price) * self.amount - self.fees


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """The table of a backtest. Fractions are fractions, not percents; money in quote currency."""

    cagr: float
    cumulative_return: float
    max_drawdown: float
    max_drawdown_seconds: float
    variance: float
    volatility: float
    sharpe: float
    sortino: float
    calmar: float
    value_at_risk: float
    conditional_value_at_risk: float
    risk_free_rate: float
    resample_seconds: float
    exposure: float
    turnover: float
    trades: int
    win_rate: float
    profit_factor: float
    fees: float
    final_equity: float


def simple_returns(equity: Floats) -> Floats:
    """Returns of each step: e[i+1] / e[i] − 1.

    >>> simple_returns(np.array([100.0, 110.0, 99.0])).round(2).tolist()
    [0.1, -0.1]
    """
    return equity[1:] / equity[:-1] - 1.0


def cumulative_return(equity: Floats) -> float:
    """Last value over the first, less one."""
    return float(equity[-1] / equity[0] - 1.0)


def cagr(equity: Floats, step_seconds: float) -> float:
    """Compound annual growth rate: (last / first) ^ (year / duration) − 1."""
    years = (len(equity) - 1) * step_seconds / YEAR_SECONDS
    if years <= 0 or equity[-1] <= 0:
        return math.nan
    exponent = math.log(equity[-1] / equity[0]) / years
    return math.expm1(exponent) if exponent < 700 else math.inf


def drawdown(equity: Floats) -> Floats:
    """How far each value lies below the highest before it, as a fraction ≥ 0 of that."""
    peak = np.maximum.accumulate(equity)
    return np.asarray(1.0 - equity / peak, dtype=np.float64)


def longest_drawdown(equity: Floats, step_seconds: float) -> float:
    """Seconds from a peak to the first value that reaches it again, the longest such span."""
    at_peak = np.flatnonzero(drawdown(equity) <= 0.0)
    edges = np.append(at_peak, len(equity) - 1)
    return float(np.diff(edges).max(initial=0) * step_seconds)


def variance(returns: Floats, step_seconds: float) -> float:
    """Annual variance of the returns: sample variance × steps a year."""
    if len(returns) < 2:
        return math.nan
    return float(np.var(returns, ddof=1) * YEAR_SECONDS / step_seconds)


def sharpe(returns: Floats, step_seconds: float, risk_free_rate: float = 0.0) -> float:
    """Annual mean excess return over annual volatility.

    Source: Sharpe, The Sharpe Ratio, Journal of Portfolio Management 21 (1994), ex-post form.
    """
    if len(returns) < 2:
        return math.nan
    excess = returns - _rate_of_step(risk_free_rate, step_seconds)
    deviation = float(np.std(excess, ddof=1))
    if deviation <= _rounding(excess):
        return math.nan
    return float(np.mean(excess) / deviation * math.sqrt(YEAR_SECONDS / step_seconds))


def sortino(returns: Floats, step_seconds: float, risk_free_rate: float = 0.0) -> float:
    """As Sharpe's, over the downside deviation: the root mean square of min(excess, 0), over all n.

    Source: Sortino and Price, Performance Measurement in a Downside Risk Framework (1994).
    """
    if len(returns) < 2:
        return math.nan
    excess = returns - _rate_of_step(risk_free_rate, step_seconds)
    downside = float(np.sqrt(np.mean(np.square(np.minimum(excess, 0.0)))))
    if downside <= _rounding(excess):
        return math.nan
    return float(np.mean(excess) / downside * math.sqrt(YEAR_SECONDS / step_seconds))


def calmar(equity: Floats, step_seconds: float) -> float:
    """Compound annual growth over the deepest drawdown.

    Source: Young, Calmar Ratio: A Smoother Tool, Futures (1991).
    """
    deepest = float(drawdown(equity).max())
    return cagr(equity, step_seconds) / deepest if deepest > 0 else math.nan


def value_at_risk(returns: Floats, level: float = 0.95) -> float:
    """The loss of one step that is exceeded in 1 − level of the steps, as a fraction ≥ 0 of equity.

    Historical: minus the (1 − level) quantile of the returns, linear between order statistics. It
    takes the lower tail: sorting ascending and reading at `level`, as some packages do, answers a
    gain. A negative figure means that even that quantile gained.
    """
    if len(returns) == 0:
        return math.nan
    return float(-np.quantile(returns, 1.0 - level))


def conditional_value_at_risk(returns: Floats, level: float = 0.95) -> float:
    """The mean loss of the steps that lose at least the value at risk; never below it.

    Source: Rockafellar and Uryasev, Optimization of Conditional Value-at-Risk (2000), on the
    empirical distribution.
    """
    if len(returns) == 0:
        return math.nan
    tail = returns[returns <= np.quantile(returns, 1.0 - level)]
    return float(-np.mean(tail))


def win_rate(trips: Sequence[Trip]) -> float:
    """Share of the round trips that gained after fees."""
    return sum(trip.profit > 0 for trip in trips) / len(trips) if trips else math.nan


def profit_factor(trips: Sequence[Trip]) -> float:
    """What the winners gained over what the losers lost; infinite without a loser."""
    gained = sum(trip.profit for trip in trips if trip.profit > 0)
    lost = -sum(trip.profit for trip in trips if trip.profit < 0)
    if lost == 0:
        return math.inf if gained > 0 else math.nan
    return gained / lost


def measure(
    equity: Floats,
    step_seconds: float,
    *,
    trips: Sequence[Trip] = (),
    position: Floats | None = None,
    traded_quote: float = 0.0,
    fees: float = 0.0,
    risk_free_rate: float = 0.0,
    resample_seconds: float = 86_400.0,
) -> Metrics:
    """The whole table.

    Args:
        equity: account value at each step, at least two.
        step_seconds: time between two of them.
        trips: closed round trips.
        position: base amount held at each step; exposure is the share of steps that hold any.
        traded_quote: Σ price × amount of all fills.
        fees: all fees paid.
        risk_free_rate: a year's, as a fraction.
        resample_seconds: risk figures are computed on returns over this long, so that tables of
            different bar sizes can be compared; drawdown and growth use every step.
    """
    if len(equity) < 2:
        raise ValueError("an equity curve needs at least two values")
    stride = max(1, round(resample_seconds / step_seconds))
    resampled = equity[::stride] if len(equity) > stride else equity
    step = step_seconds * (stride if len(equity) > stride else 1)
    returns = simple_returns(resampled)
    annual = variance(returns, step)
    return Metrics(
        cagr=cagr(equity, step_seconds),
        cumulative_return=cumulative_return(equity),
        max_drawdown=float(drawdown(equity).max()),
        max_drawdown_seconds=longest_drawdown(equity, step_seconds),
        variance=annual,
        volatility=math.sqrt(annual),
        sharpe=sharpe(returns, step, risk_free_rate),
        sortino=sortino(returns, step, risk_free_rate),
        calmar=calmar(equity, step_seconds),
        value_at_risk=value_at_risk(returns),
        conditional_value_at_risk=conditional_value_at_risk(returns),
        risk_free_rate=risk_free_rate,
        resample_seconds=step,
        exposure=0.0 if position is None else float(np.mean(position > 0)),
        turnover=traded_quote / float(np.mean(equity)),
        trades=len(trips),
        win_rate=win_rate(trips),
        profit_factor=profit_factor(trips),
        fees=fees,
        final_equity=float(equity[-1]),
    )


def _rate_of_step(annual: float, step_seconds: float) -> float:
    return math.expm1(math.log1p(annual) * step_seconds / YEAR_SECONDS)


def _rounding(values: Floats) -> float:
    """Spread below which values are the same but for rounding."""
    return float(np.max(np.abs(values))) * 1e-12
