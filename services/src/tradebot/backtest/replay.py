"""A recorded run, decided again: the parity of backtest and live bot, decision by decision.

What the bot saw is rebuilt from what it left behind: windows and prices from their documents,
forecasts from their topic, balances and position by folding the fills. The stored inputs of a
decision serve only to start (the first state and the settings) and to compare.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from tradebot.documents import differences, document_id
from tradebot.domain.decision import Decision, decide
from tradebot.domain.money import ZERO
from tradebot.domain.order_state import Fill
from tradebot.domain.risk import marks as equity_marks
from tradebot.domain.score import Trip, add, holds
from tradebot.domain.signal import predict
from tradebot.domain.situation import (
    HOUR_MS,
    Inputs,
    Marks,
    Prediction,
    Quote,
    State,
    Stored,
    Window,
)
from tradebot.records import DocType, ForecastRecord

Body = Mapping[str, Any]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A live decision beside the replay's; `differences` is empty where they are the same."""

    window_end: int
    live: str
    replayed: Decision
    differences: list[str]


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """What a run left: documents of one bot, tickers by id, forecasts by digest and evaluation.

    A model is published before its evaluation has ended and again after it, under one digest.
    """

    decisions: Sequence[Body]
    windows: Mapping[int, Body]
    tickers: Mapping[str, Body]
    fills: Mapping[str, Sequence[Body]]
    forecasts: Mapping[tuple[str, bool], ForecastRecord]


def record(
    documents: Mapping[str, Iterable[Body]], forecasts: Iterable[ForecastRecord]
) -> Recording:
    """Puts documents, by kind, and forecasts in the order in which a replay asks for them."""
    fills: dict[str, list[Body]] = {}
    for fill in sorted(documents["fill"], key=lambda fill: (fill["ts"], fill["trade_id"])):
        fills.setdefault(str(fill["decision_id"]), []).append(fill)
    decisions = sorted(documents["decision"], key=lambda decision: int(decision["window_end"]))
    return Recording(
        decisions=decisions,
        windows={int(window["window_end"]): window for window in documents["liquidity"]},
        tickers={str(ticker["_id"]): ticker for ticker in documents["ticker"]},
        fills=fills,
        forecasts={(forecast.digest, forecast.evaluated): forecast for forecast in forecasts},
    )


class _Account:
    """Balances, trip, marks and order times, folded from fills and the replay's own decisions."""

    def __init__(self, state: State) -> None:
        self.base, self.quote = state.base, state.quote
        self.orders_at = state.orders_at
        self.marks: Marks | None = state.marks
        self.trip: Trip | None = None

    def state(self, like: State, minimum: Decimal) -> State:
        """As the trader describes it; what only the venue or a person decides is `like`'s."""
        return msgspec.structs.replace(
            like,
            base=self.base,
            quote=self.quote,
            bought=holds(self.trip, minimum),
            orders_at=self.orders_at,
            marks=self.marks,
        )

    def settle(self, window_end: int, decision: Decision, fills: Sequence[Body]) -> None:
        """The account after the decision's order."""
        if decision.action != "hold":
            kept = (at for at in self.orders_at if at > window_end - HOUR_MS)
            self.orders_at = (*kept, window_end)
        for stored in fills:
            self._fill(stored, decision.mid or ZERO)

    def mark(self, window_end: int, equity: Decimal) -> None:
        """Moves the marks that losses are measured against."""
        self.marks = equity_marks.advance(self.marks, equity, window_end)

    def _fill(self, stored: Body, mid: Decimal) -> None:
        fill = Fill(
            trade_id=int(stored["trade_id"]),
            price=exact(stored["price"]),
            amount=exact(stored["amount"]),
            fee=exact(stored["fee"]),
            fee_currency=str(stored["fee_currency"]),
            taker=stored["liquidity"] == "taker",
            ts=int(stored["ts"]),
        )
        sign = 1 if stored["side"] == "buy" else -1
        self.base += sign * fill.amount
        self.quote -= sign * fill.price * fill.amount + fill.fee
        self.trip = add(self.trip, stored["side"], fill, trip_id="", mid=mid)
        if self.trip is not None and sign < 0 and self.trip.open_amount <= 0:
            self.trip = None


def replay(recording: Recording) -> list[Compared]:
    """Decides every window again, from the recording alone."""
    if not recording.decisions:
        return []
    account = _Account(_seen(recording.decisions[0]).state)
    compared: list[Compared] = []
    for stored in recording.decisions:
        seen, end = _seen(stored), int(stored["window_end"])
        state = account.state(seen.state, seen.inputs.increments.minimum)
        inputs = _inputs(recording, stored, seen)
        decision = decide(state, inputs, seen.settings)
        compared.append(
            Compared(
                window_end=end,
                live=str(stored["action"]),
                replayed=decision,
                differences=differences(stored, decision),
            )
        )
        equity = equity_marks.equity_of(state, inputs.quote, seen.settings)
        if equity is not None:
            account.mark(end, equity)
        account.settle(end, decision, recording.fills.get(str(stored["decision_id"]), ()))
    return compared


def exact(number: float) -> Decimal:
    """The decimal that a stored float was written from.

    >>> exact(58123.58)
    Decimal('58123.58')
    """
    return Decimal(repr(float(number)))


def _inputs(recording: Recording, stored: Body, seen: Stored) -> Inputs:
    end = int(stored["window_end"])
    window = recording.windows[end]
    name = document_id(
        DocType.TICKER, bot=str(stored["bot"]), symbol=str(stored["symbol"]), key=str(end)
    )
    ticker = recording.tickers.get(name)
    quote = None
    if ticker is not None and seen.inputs.quote is not None:
        silent = seen.inputs.quote.silent_ms
        quote = Quote(bid=exact(ticker["bid"]), ask=exact(ticker["ask"]), silent_ms=silent)
    return msgspec.structs.replace(
        seen.inputs,
        window=Window(end=end, ratio=window["ratio"], complete=bool(window["complete"])),
        prediction=_prediction(recording, seen.inputs.prediction, end),
        quote=quote,
    )


def _prediction(recording: Recording, seen: Prediction | None, end: int) -> Prediction | None:
    """What the forecast that the bot had read says; its numbers come from the topic."""
    if seen is None:
        return None
    forecast = recording.forecasts.get((seen.digest, seen.evaluated))
    return None if forecast is None else predict(forecast, end)


def _seen(stored: Body) -> Stored:
    return msgspec.json.decode(str(stored["inputs"]), type=Stored)
