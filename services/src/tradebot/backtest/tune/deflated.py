"""The deflated Sharpe ratio: the probability that the best of many trials is better than luck.

Source: Bailey and López de Prado, The Deflated Sharpe Ratio, Journal of Portfolio Management 40
(2014). Sharpe ratios here are per step, not per year.
"""

import math

import numpy as np
from scipy import stats

from tradebot.backtest.metrics import ROUNDING
from tradebot.strategies.orders import Floats

EULER = 0.5772156649015329


def sharpe_of_step(returns: Floats) -> float:
    """Mean over deviation of one step's returns; 0 if all are equal except for rounding."""
    deviation = float(np.std(returns, ddof=1)) if len(returns) > 1 else 0.0
    return float(np.mean(returns)) / deviation if deviation > ROUNDING else 0.0


def expected_best(trial_sharpes: Floats) -> float:
    """The expected Sharpe ratio of the best of that many trials if all of them are useless.

    With N trials whose ratios have variance V: √V · ((1 − γ) Φ⁻¹(1 − 1/N) + γ Φ⁻¹(1 − 1/(N e))).
    """
    count = len(trial_sharpes)
    if count < 2:
        return 0.0
    spread = float(np.std(trial_sharpes, ddof=1))
    first = float(stats.norm.ppf(1 - 1 / count))
    second = float(stats.norm.ppf(1 - 1 / (count * math.e)))
    return spread * ((1 - EULER) * first + EULER * second)


def probabilistic_sharpe(returns: Floats, benchmark: float) -> float:
    """The probability that the true ratio exceeds `benchmark`, given skew and fat tails.

    Φ((SR − SR*) √(T − 1) / √(1 − γ₃ SR + (γ₄ − 1)/4 SR²)), γ₄ the plain kurtosis (3 for a normal).
    """
    if len(returns) < 3:
        return math.nan
    ratio = sharpe_of_step(returns)
    skew = float(stats.skew(returns))
    kurtosis = float(stats.kurtosis(returns, fisher=False))
    variance = 1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2
    if not variance > 0:
        return math.nan
    z = (ratio - benchmark) * math.sqrt((len(returns) - 1) / variance)
    return float(stats.norm.cdf(z))


def deflated_sharpe(returns: Floats, trial_sharpes: Floats) -> float:
    """The probability that the best trial's ratio is better than the best of as many useless ones.

    Args:
        returns: of the best trial, per step.
        trial_sharpes: the ratio of each trial, per step.
    """
    return probabilistic_sharpe(returns, expected_best(trial_sharpes))
