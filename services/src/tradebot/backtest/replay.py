"""Decides a recorded run again: checks the parity of backtest and live bot, decision by decision.

The bot's inputs are rebuilt from its records: windows and prices from their documents, forecasts
from their topic, balances and position by folding the fills. A decision's stored inputs serve only
to start (the first state and the settings) and to compare.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from tradebot.documents import differences, document_id
from tradebot.domain.account import fold
from tradebot.domain.account.fold import Account
from tradebot.domain.account.trip import Traded, paid_in_base
from tradebot.domain.decision import Decision, decide
from tradebot.domain.money import ZERO, exact
from tradebot.domain.order_state import Fill
from tradebot.domain.risk import marks as equity_marks
from tradebot.domain.signal import predict
from tradebot.domain.situation import (
    Inputs,
    Prediction,
    Quote,
    Stored,
    Window,
    read_stored,
)
from tradebot.records import DocType, ForecastRecord

Body = Mapping[str, Any]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A live decision and the replay's; `differences` is empty if they are the same."""

    window_end: int
    live: str
    replayed: Decision
    differences: list[str]


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """The records of a run: documents of one bot, tickers and orders by id, fills by the id of
    their decision, forecasts by digest and evaluation.

    A model is published before its evaluation has ended and again after it, under one digest.
    Without `forecasts`, a decision's own record of its prediction serves.
    """

    decisions: Sequence[Body]
    windows: Mapping[int, Body]
    tickers: Mapping[str, Body]
    orders: Mapping[str, Body]
    fills: Mapping[str, Sequence[Body]]
    forecasts: Mapping[tuple[str, bool], ForecastRecord] | None


def record(
    documents: Mapping[str, Iterable[Body]], forecasts: Iterable[ForecastRecord] | None
) -> Recording:
    """Sorts documents, by kind, and forecasts as a replay needs them."""
    fills: dict[str, list[Body]] = {}
    for fill in sorted(documents["fill"], key=lambda fill: (fill["ts"], fill["trade_id"])):
        fills.setdefault(str(fill["decision_id"]), []).append(fill)
    decisions = sorted(documents["decision"], key=lambda decision: int(decision["window_end"]))
    return Recording(
        decisions=decisions,
        windows={int(window["window_end"]): window for window in documents["liquidity"]},
        tickers={str(ticker["_id"]): ticker for ticker in documents["ticker"]},
        orders={str(order["client_order_id"]): order for order in documents["order"]},
        fills=fills,
        forecasts=None
        if forecasts is None
        else {(forecast.digest, forecast.evaluated): forecast for forecast in forecasts},
    )


def settled(
    account: Account,
    *,
    window_end: int,
    decision: Decision,
    order: Body | None,
    fills: Iterable[Body],
    minimum: Decimal,
) -> Account:
    """Returns the account after a window: its decision's order and its fills.

    Args:
        window_end: 0 for a check between windows, whose orders do not count.
        order: the document of its first order, if it sent one; a refused order does not count.
        minimum: the symbol's smallest order.
    """
    taken = order is not None and order["state"] not in ("rejected", "unplaced")
    if decision.action != "hold" and taken and window_end:
        account = fold.ordered(account, window_end)
    for stored in fills:
        account = _booked(account, stored, decision.mid or ZERO, minimum)
    return account


def _booked(account: Account, stored: Body, mid: Decimal, minimum: Decimal) -> Account:
    if stored.get("broken"):
        return account
    return fold.booked(account, _traded(stored, mid, minimum))


def _fills_of_no_decision(recording: Recording) -> deque[Body]:
    """Returns fills of a person's orders, by time, which belong to no window."""
    decided = {str(stored["decision_id"]) for stored in recording.decisions}
    others = [
        fill for name, fills in recording.fills.items() if name not in decided for fill in fills
    ]
    return deque(sorted(others, key=_by_time))


def _by_time(fill: Body) -> tuple[int, str]:
    return int(fill["ts"]), str(fill["trade_id"])


def _traded(stored: Body, mid: Decimal, minimum: Decimal) -> Traded:
    fill = Fill(
        trade_id=int(stored["trade_id"]),
        price=exact(stored["price"]),
        amount=exact(stored["amount"]),
        fee=exact(stored["fee"]),
        fee_currency=str(stored["fee_currency"]),
        taker=stored["liquidity"] == "taker",
        ts=int(stored["ts"]),
    )
    return Traded(
        side=stored["side"],
        fill=fill,
        fee_in_base=paid_in_base(str(stored["symbol"]), fill.fee_currency),
        name=str(stored["decision_id"]),
        mid=mid,
        minimum=minimum,
    )


def replay(recording: Recording) -> list[Compared]:
    """Decides every window again, from the recording alone."""
    if not recording.decisions:
        return []
    account = fold.opening(seen_of(recording.decisions[0]).state)
    others = _fills_of_no_decision(recording)
    compared: list[Compared] = []
    for stored in recording.decisions:
        seen, end = seen_of(stored), int(stored["window_end"])
        minimum = seen.inputs.increments.minimum
        while others and others[0]["ts"] <= int(stored["ts"]):
            account = _booked(account, others.popleft(), ZERO, minimum)
        if seen.state.position is not None:  # a check may have seen a higher price than any window
            account = fold.marked(account, end, None, seen.state.position.high)
        state = fold.state_of(account, seen.state, minimum)
        inputs = inputs_of(recording, stored, seen)
        decision = decide(state, inputs, seen.settings)
        compared.append(
            Compared(
                window_end=end,
                live=str(stored["action"]),
                replayed=decision,
                differences=differences(stored, decision),
            )
        )
        fills = recording.fills.get(str(stored["decision_id"]), ())
        if seen.settings.making is not None:  # an order that waited filled when it did
            others, fills = deque(sorted((*others, *fills), key=_by_time)), ()
        account = settled(
            account,
            window_end=end if end in recording.windows else 0,
            decision=decision,
            order=recording.orders.get(str(stored["client_order_id"])),
            fills=fills,
            minimum=minimum,
        )
        equity = equity_marks.equity_of(state, inputs.quote, seen.settings)
        account = fold.marked(account, end, equity, None if equity is None else decision.mid)
    return compared


def inputs_of(recording: Recording, stored: Body, seen: Stored) -> Inputs:
    """Returns the inputs of a decision from its records; `seen` are the stored ones."""
    end = int(stored["window_end"])
    window = recording.windows.get(end)
    if window is None:  # a check between windows: no other document has its inputs
        return seen.inputs
    name = document_id(
        DocType.TICKER, bot=str(stored["bot"]), symbol=str(stored["symbol"]), key=str(end)
    )
    ticker = recording.tickers.get(name)
    quote = None
    if ticker is not None and seen.inputs.quote is not None:
        silent = seen.inputs.quote.silent_ms
        last = None if seen.inputs.quote.last is None else exact(ticker["last"])
        quote = Quote(
            bid=exact(ticker["bid"]), ask=exact(ticker["ask"]), silent_ms=silent, last=last
        )
    return msgspec.structs.replace(
        seen.inputs,
        window=Window(end=end, ratio=window["ratio"], complete=bool(window["complete"])),
        prediction=_prediction(recording, seen.inputs.prediction, end),
        quote=quote,
    )


def _prediction(recording: Recording, seen: Prediction | None, end: int) -> Prediction | None:
    """What the forecast that the bot had read says; its numbers come from the topic."""
    if seen is None or recording.forecasts is None:
        return seen
    forecast = recording.forecasts.get((seen.digest, seen.evaluated))
    return None if forecast is None else predict(forecast, end)


def seen_of(stored: Body) -> Stored:
    """Returns what a decision's document says that it saw."""
    return read_stored(str(stored["inputs"]))
