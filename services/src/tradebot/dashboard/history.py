"""One bot's past, as far as the store reaches: profit, orders, halts and the forecasts' error."""

import math
from collections import deque
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, Final

import msgspec

from tradebot.domain.situation import DAY_MS
from tradebot.history.minutes import MINUTE
from tradebot.platform.store import LAST, DocumentStore
from tradebot.records import DocType

ORDERS: Final = 500
HALTS: Final = 100
POINTS: Final = 1000
"""At most so many points of the profit's course."""
FORECASTS: Final = 1440
"""Decisions, one a minute, over which the forecasts' error is measured."""


class ForecastError(msgspec.Struct, frozen=True):
    """How far forecasts of the next minute's price were off, in basis points.

    `naive` is the error of no forecast: that the price stays. `hits` is the fraction of minutes
    whose direction was right, of those in which the price moved; `None` if it never did.
    """

    minutes: int
    mean_bps: float
    naive_bps: float
    hits: float | None


def history(store: DocumentStore, bot: str, days: int) -> dict[str, Any]:
    """Returns a bot's trips, orders and halts, oldest first.

    Args:
        days: before its newest decision; 0 means all that the store has.

    Raises:
        StoreUnavailableError: the store does not respond.
    """
    newest = store.latest(DocType.DECISION, 1, bot=bot) if days else []
    since = newest[0]["ts"] - days * DAY_MS if newest else 0
    scores = [
        {name: each[name] for name in ("ts", "score", "realised", "equity", "fees")}
        for each in store.between(DocType.SCORE, since, LAST, bot=bot)
    ]
    orders = deque(store.between(DocType.ORDER, since, LAST, bot=bot), maxlen=ORDERS)
    halts = deque(store.between(DocType.HALT, since, LAST, bot=bot), maxlen=HALTS)
    return {
        "scores": _thinned(scores),
        "trips": len(scores),
        "wins": sum(each["score"] > 0 for each in scores),
        "fees": sum(each["fees"] for each in scores),
        "orders": [_order(each) for each in orders],
        "halts": [
            {name: each.get(name, "") for name in ("ts", "state", "reason", "because", "by")}
            for each in halts
        ],
    }


def forecast_error(decisions: Iterable[Mapping[str, Any]]) -> ForecastError | None:
    """Returns the error of one-minute forecasts, from decisions of consecutive minutes.

    A decision's `delta` is the change of the log price that was forecast for the minute after it.

    Args:
        decisions: documents, in any order.

    >>> rows = [{"window_end": i * 60_000, "mid": 100 + i, "delta": 0.01} for i in range(3)]
    >>> forecast_error(rows).hits
    1.0
    """
    rows = sorted(decisions, key=lambda each: int(each["window_end"]))
    pairs = [
        (float(now["delta"]), math.log(after["mid"] / now["mid"]))
        for now, after in pairwise(rows)
        if after["window_end"] - now["window_end"] == MINUTE
        and now["delta"] is not None
        and now["mid"]
        and after["mid"]
    ]
    if not pairs:
        return None
    moved = [(forecast, came) for forecast, came in pairs if came and forecast]
    return ForecastError(
        minutes=len(pairs),
        mean_bps=1e4 * sum(abs(forecast - came) for forecast, came in pairs) / len(pairs),
        naive_bps=1e4 * sum(abs(came) for _, came in pairs) / len(pairs),
        hits=sum(f * came > 0 for f, came in moved) / len(moved) if moved else None,
    )


def measured(store: DocumentStore, bot: str) -> ForecastError | None:
    """Returns the error of a bot's newest forecasts.

    Raises:
        StoreUnavailableError: the store does not respond.
    """
    return forecast_error(store.latest(DocType.DECISION, FORECASTS, bot=bot))


def _order(document: Mapping[str, Any]) -> dict[str, Any]:
    names = (
        "ts", "side", "original_amount", "executed_amount", "price", "avg_execution_price",
        "state", "reason", "timestamps",
    )  # fmt: skip
    return {name: document[name] for name in names} | {"id": document["_id"]}


def _thinned(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns at most `POINTS` rows, evenly, with the last."""
    step = math.ceil(len(rows) / POINTS) or 1
    return rows[::-1][::step][::-1]
