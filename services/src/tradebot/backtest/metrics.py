"""Metrics of an equity curve: pure functions of arrays, with formulas and sources.

Conventions. `equity` (n,) is a curve of account values, the first before any trade, and `ts` (n,)
its times in ms, rising. All annual figures, lengths and means use these times, never the number of
rows, so bars may be missing. `returns` are simple returns. A market that never closes has 365 days
a year, and a year is 365 × 24 × 3600 s. Variances are of the sample (divisor n − 1). Losses are
positive numbers in value at risk and drawdown. An undefined figure (no variance, no loss, no trade)
is `nan`, never a sentinel.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

Times = npt.NDArray[np.int64]

YEAR_SECONDS = 365 * 24 * 3600
DAY_SECONDS = 86_400.0

ANNUAL_DAYS = 30.0
"""Shorter runs show no annual growth."""

ROUNDING = 1e-12
"""Returns and drawdowns that differ by less are equal: a quotient of two values of a curve has the
rounding of both, some 1e-16 each, whatever the size of the return."""


class Trip(msgspec.Struct, frozen=True):
    """A closed trip: bought, then sold; prices and fees in quote currency, times in ms."""

    entry_ts: int
    exit_ts: int
    entry_price: float
    exit_price: float
    amount: float
    fees: float

    @property
    def profit(self) -> float:
        """Its profit after fees."""
        return (self.exit_price - self.entry_price) * self.amount - self.fees


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """The table of a backtest. Fractions are fractions, not percents; money in quote currency."""

    days: float
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
    """Returns of each step: e[i+1] / e[i] − 1; 0 after a total loss.

    >>> simple_returns(np.array([100.0, 110.0, 99.0])).round(2).tolist()
    [0.1, -0.1]
    """
    before, after = equity[:-1], equity[1:]
    ratio = np.divide(after, before, out=np.ones(len(after)), where=before > 0)
    return np.asarray(ratio - 1.0, dtype=np.float64)


def sampled(equity: Floats, ts: Times, seconds: float) -> tuple[Floats, Times]:
    """Samples the curve at equal steps of time from its start, and at its end.

    Each value is the last known at that time: nothing is interpolated within a gap. The last step
    is shorter if the curve does not end on a whole one; it counts as a step.

    >>> sampled(np.array([1.0, 2.0, 3.0]), np.array([0, 1000, 3500]), 1.0)[0].tolist()
    [1.0, 2.0, 2.0, 2.0, 3.0]
    """
    step = round(seconds * 1000)
    edges = np.arange(ts[0], ts[-1] + 1, step)
    if edges[-1] < ts[-1]:
        edges = np.append(edges, ts[-1])
    return equity[np.searchsorted(ts, edges, side="right") - 1], edges


def cumulative_return(equity: Floats) -> float:
    """Last value over the first, minus one."""
    return float(equity[-1] / equity[0] - 1.0)


def cagr(equity: Floats, seconds: float) -> float:
    """Compound annual growth rate: (last / first) ^ (year / duration) − 1; −1 for a total loss.

    Undefined below one day: a few hours say nothing about a year.

    Args:
        equity: the curve; only its ends count.
        seconds: its duration.
    """
    if seconds < DAY_SECONDS:
        return math.nan
    if equity[-1] <= 0:
        return -1.0
    exponent = math.log(equity[-1] / equity[0]) * YEAR_SECONDS / seconds
    return math.expm1(exponent) if exponent < 700 else math.inf


def drawdown(equity: Floats) -> Floats:
    """How far each value is below the highest before it, as a fraction ≥ 0 of that."""
    peak = np.maximum.accumulate(equity)
    return np.asarray(1.0 - equity / peak, dtype=np.float64)


def longest_drawdown(equity: Floats, ts: Times) -> float:
    """Seconds from a peak to the first value that reaches it again, the longest such span.

    0 if the curve never fell; an open drawdown lasts to the end.
    """
    peaks = np.flatnonzero(drawdown(equity) <= ROUNDING)
    edges = np.append(peaks, len(equity))
    fell = np.diff(edges) > 1
    ends = ts[np.minimum(edges[1:], len(equity) - 1)]
    return float(np.max((ends - ts[edges[:-1]])[fell], initial=0) / 1000)


def variance(returns: Floats, step_seconds: float) -> float:
    """Annual variance of the returns: sample variance × steps a year."""
    if len(returns) < 2:
        return math.nan
    return float(np.var(returns, ddof=1) * YEAR_SECONDS / step_seconds)


def sharpe(returns: Floats, step_seconds: float, risk_free_rate: float = 0.0) -> float:
    """Annual mean excess return over annual volatility; not defined for equal returns.

    Source: Sharpe, The Sharpe Ratio, Journal of Portfolio Management 21 (1994), ex-post form.
    """
    if len(returns) < 2:
        return math.nan
    excess = returns - _rate_of_step(risk_free_rate, step_seconds)
    deviation = float(np.std(excess, ddof=1))
    if deviation <= ROUNDING:
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
    if downside <= ROUNDING:
        return math.nan
    return float(np.mean(excess) / downside * math.sqrt(YEAR_SECONDS / step_seconds))


def calmar(growth: float, deepest: float) -> float:
    """Compound annual growth over the deepest drawdown; not defined without a drawdown.

    Source: Young, Calmar Ratio: A Smoother Tool, Futures (1991).
    """
    return growth / deepest if deepest > ROUNDING else math.nan


def value_at_risk(returns: Floats, level: float = 0.95) -> float:
    """The loss of one step that is exceeded in 1 − level of the steps, as a fraction of equity.

    Historical: minus the (1 − level) quantile of the returns, linear between order statistics. It
    uses the lower tail: sorting ascending and reading at `level`, as some packages do, returns a
    gain. A negative figure means that even that quantile gained.
    """
    if len(returns) == 0:
        return math.nan
    return float(0.0 - np.quantile(returns, 1.0 - level))


def conditional_value_at_risk(returns: Floats, level: float = 0.95) -> float:
    """The mean loss of the worst 1 − level of the steps; never below the value at risk.

    Of n steps the worst n (1 − level) count, the last of them by its fraction, so that ties with
    the quantile do not thin the tail. It is the least of v + E[(loss − v)⁺] / (1 − level) over v.

    Source: Rockafellar and Uryasev, Conditional Value-at-Risk for General Loss Distributions,
    Journal of Banking & Finance 26 (2002), on the empirical distribution.
    """
    if len(returns) == 0:
        return math.nan
    losses = -np.sort(returns)
    count = len(losses) * (1.0 - level)
    whole = min(int(count), len(losses) - 1)
    total = float(np.sum(losses[:whole])) + (count - whole) * float(losses[whole])
    return total / count + 0.0


def exposure(ts: Times, step: int, position: Floats) -> float:
    """Fraction of the time with a position.

    Args:
        ts: starts of bars, ms.
        step: length of a bar, ms; between bars the earlier position is held.
        position: base amount held in each bar.
    """
    held = position > 0
    gaps = np.diff(ts) - step
    seconds = np.sum(held) * step + np.sum(gaps[held[:-1]])
    return float(seconds / (ts[-1] + step - ts[0]))


def win_rate(trips: Sequence[Trip]) -> float:
    """Fraction of the trips with a profit after fees."""
    return sum(trip.profit > 0 for trip in trips) / len(trips) if trips else math.nan


def profit_factor(trips: Sequence[Trip]) -> float:
    """The winners' profit over the losers' loss; infinite without a loser."""
    gained = sum(trip.profit for trip in trips if trip.profit > 0)
    lost = -sum(trip.profit for trip in trips if trip.profit < 0)
    if lost == 0:
        return math.inf if gained > 0 else math.nan
    return gained / lost


def measure(
    equity: Floats,
    ts: Times,
    *,
    step_seconds: float,
    trips: Sequence[Trip] = (),
    exposed: float = 0.0,
    traded_quote: float = 0.0,
    fees: float = 0.0,
    risk_free_rate: float = 0.0,
    resample_seconds: float = DAY_SECONDS,
) -> Metrics:
    """Computes the whole table.

    Args:
        equity: account values, at least two, the first before any trade.
        ts: their times, ms, rising.
        step_seconds: length of a bar.
        trips: closed trips.
        exposed: fraction of the time with a position.
        traded_quote: Σ price × amount of all fills.
        fees: all fees paid.
        risk_free_rate: per year, as a fraction.
        resample_seconds: risk figures use returns over this step, so that tables of different bar
            sizes are comparable; or bars, if the curve has fewer than two such steps. Drawdown and
            growth use every value.

    Raises:
        ValueError: there are fewer than two values, or not a time for each.
    """
    if len(equity) < 2 or len(equity) != len(ts):
        raise ValueError(
            f"an equity curve needs at least two values and a time for each: there are"
            f" {len(equity)} values and {len(ts)} times"
        )
    span = float(ts[-1] - ts[0]) / 1000
    chosen = resample_seconds if span >= 2 * resample_seconds else step_seconds
    values, edges = sampled(equity, ts, chosen)
    returns = simple_returns(values)
    step = float(edges[-1] - edges[0]) / 1000 / len(returns)
    annual = variance(returns, step)
    growth, deepest = cagr(equity, span), float(drawdown(equity).max())
    return Metrics(
        days=span / DAY_SECONDS,
        cagr=growth,
        cumulative_return=cumulative_return(equity),
        max_drawdown=deepest,
        max_drawdown_seconds=longest_drawdown(equity, ts),
        variance=annual,
        volatility=math.sqrt(annual),
        sharpe=sharpe(returns, step, risk_free_rate),
        sortino=sortino(returns, step, risk_free_rate),
        calmar=calmar(growth, deepest),
        value_at_risk=value_at_risk(returns),
        conditional_value_at_risk=conditional_value_at_risk(returns),
        risk_free_rate=risk_free_rate,
        resample_seconds=chosen,
        exposure=exposed,
        turnover=traded_quote / _mean(equity, ts),
        trades=len(trips),
        win_rate=win_rate(trips),
        profit_factor=profit_factor(trips),
        fees=fees,
        final_equity=float(equity[-1]),
    )


def _mean(equity: Floats, ts: Times) -> float:
    """The curve's mean over time, linear between its values."""
    middles = (equity[1:] + equity[:-1]) / 2
    return float(np.average(middles, weights=np.diff(ts)))


def _rate_of_step(annual: float, step_seconds: float) -> float:
    return math.expm1(math.log1p(annual) * step_seconds / YEAR_SECONDS)
