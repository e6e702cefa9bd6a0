"""The report's signal: buy where the forecast rises over the next step, sell where it falls."""

from collections.abc import Sequence

from tradebot.domain.situation import Action, Prediction


def signal_of(delta: float | None) -> Action:
    """The side of a trade by Δ(t) = forecast(t + 1) − forecast(t).

    >>> signal_of(0.001), signal_of(-0.001), signal_of(0.0), signal_of(None)
    ('buy', 'sell', 'hold', 'hold')
    """
    if delta is None or delta == 0 or delta != delta:
        return "hold"
    return "buy" if delta > 0 else "sell"


def predict(
    log_price: Sequence[float],
    ts: int,
    *,
    start: int,
    step_ms: int,
    model: str,
    digest: str,
    history_end: int,
    evaluated: bool,
) -> Prediction | None:
    """What a forecast says at `ts`, or `None` where it does not cover `ts` and the step after.

    Args:
        log_price: element i is for the time `start + i·step_ms`.
        ts: ms; a time between two steps is read as the earlier of them.
    """
    index = (ts - start) // step_ms
    if index < 0 or index + 1 >= len(log_price):
        return None
    return Prediction(
        model=model,
        digest=digest,
        history_end=history_end,
        evaluated=evaluated,
        log_price=log_price[index],
        log_price_next=log_price[index + 1],
        log_price_turn=log_price[_turn(log_price, index)],
    )


def _turn(log_price: Sequence[float], index: int) -> int:
    """The first step after `index` from which the forecast moves another way, or the last."""
    way = signal_of(log_price[index + 1] - log_price[index])
    last = len(log_price) - 1
    step = index + 1
    while step < last and signal_of(log_price[step + 1] - log_price[step]) == way:
        step += 1
    return step
