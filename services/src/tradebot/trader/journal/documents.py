"""Documents from the ledger: pure functions from events to stored documents.

Ids are functions of what is recorded: an order's of its client order id, a fill's of its trade id,
a decision's of its window. So a second delivery changes nothing, and a newer state of an order
replaces the older.
"""

from decimal import Decimal

import msgspec

from tradebot import documents
from tradebot.domain.account import fold
from tradebot.domain.account.trip import Trip
from tradebot.domain.decision import Decision
from tradebot.domain.instrument import split_symbol
from tradebot.domain.intent import Intent
from tradebot.domain.order_state import Fill, Phase
from tradebot.domain.risk.marks import equity_of
from tradebot.domain.situation import Stored
from tradebot.records import DocType, Document
from tradebot.trader.journal.entries import Balanced, Body, Halted, OrderEvent, Paused, Resumed
from tradebot.trader.journal.ledger import Ledger, Placed, fills_of
from tradebot.venue.port import Ticker
from tradebot.venue.settings import DEFAULT


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """The documents' owner; `currencies` are base and quote, once the venue has reported them."""

    bot: str
    symbol: str
    mode: str
    currencies: tuple[str, str] | None = None
    venue: str = DEFAULT


def decision_id(bot: str, window_end: int) -> str:
    """Returns the id of a window's decision; one per bot and window."""
    return f"{bot}-{window_end}"


def decision_document(
    who: Identity,
    stored: Stored,
    decision: Decision,
    *,
    name: str,
    ts: int,
    epoch: int,
    client_order_id: str,
    reconciliations: int = 0,
) -> Document:
    """Returns the decision's document with all its inputs.

    Args:
        name: of the decision.
        reconciliations: since the previous decision.
    """
    window, prediction = stored.inputs.window, stored.inputs.prediction
    suggestion = stored.inputs.suggestion
    body = documents.Decision(
        decision_id=name,
        action=decision.action,
        signal=decision.signal,
        reason=decision.reason,
        gate=decision.gate,
        strategy="" if suggestion is None else suggestion.strategy,
        proposal="" if suggestion is None else suggestion.id,
        proposed="" if suggestion is None else suggestion.failing or suggestion.reason,
        exit=decision.exit,
        verdicts=[
            documents.VerdictDocument(
                gate=verdict.gate, passed=verdict.passed, reason=verdict.reason
            )
            for verdict in decision.verdicts
        ],
        window_end=window.end,
        ratio=window.ratio,
        band_min_bps=stored.settings.band_min_bps,
        band_max_bps=stored.settings.band_max_bps,
        complete=window.complete,
        delta=decision.delta,
        forecast_log_price=None if prediction is None else prediction.log_price,
        model="" if prediction is None else prediction.model,
        digest="" if prediction is None else prediction.digest,
        model_age_seconds=(
            None if prediction is None else (stored.inputs.now - prediction.history_end) / 1000
        ),
        mid=_float(decision.mid),
        equity=_float(equity_of(stored.state, stored.inputs.quote, stored.settings)),
        reconciled=stored.state.reconciled and not stored.state.unresolved,
        reconciliations=reconciliations,
        amount=float(decision.amount),
        limit_price=_float(decision.price),
        client_order_id=client_order_id,
        epoch=epoch,
        mode=who.mode,
        inputs=msgspec.json.encode(stored).decode(),
    )
    return _document(who, DocType.DECISION, ts=ts, key=name, body=body)


def consequences(
    who: Identity, before: Ledger, after: Ledger, body: Body, *, ts: int, latency: float | None
) -> tuple[Document, ...]:
    """Returns the documents that follow from a journal entry.

    Args:
        latency: seconds from the decision to the venue's response, if the entry is that response.
    """
    match body:
        case OrderEvent() if after is not before:
            return tuple(_of_order(who, before, after, body, latency=latency))
        case Balanced():
            return tuple(_scores(who, before, after, mid=body.mid))
        case Halted():
            return (_halt(who, ts, "halted", reason=body.reason),)
        case Paused():
            did = "flattened" if body.flatten else "paused"
            reason = f"a person {did} the bot"
            return (_halt(who, ts, "paused", reason=reason, because=body.because, by=body.by),)
        case Resumed():
            reason = before.halted or before.paused
            return (_halt(who, ts, "resumed", reason=reason, because=body.because, by=body.by),)
        case _:
            return ()


def _of_order(
    who: Identity, before: Ledger, after: Ledger, body: OrderEvent, *, latency: float | None
) -> list[Document]:
    placed, known = after.orders[body.client_order_id], before.orders[body.client_order_id]
    order_id = getattr(body.event, "order_id", "")
    fills = fills_of(known.order, placed.order)
    broken = fills_of(placed.order, known.order)
    return [
        order_document(who, placed, latency=latency),
        *(_fill_document(who, placed.intent, order_id, fill) for fill in fills),
        *(_fill_document(who, placed.intent, order_id, fill, broken=True) for fill in broken),
        *_scores(who, before, after, mid=placed.intent.mid),
    ]


def _scores(who: Identity, before: Ledger, after: Ledger, *, mid: Decimal) -> list[Document]:
    """Returns the scores of trips that just ended, or that a late or broken fill changed.

    The score of a trip that no longer ended becomes zero.
    """
    if after.recent == before.recent and after.ended == before.ended:
        return []
    changed, gone = fold.rescored(before, after)
    nothing = [Trip(trip_id=t.trip_id, opened=t.opened, closed=t.closed) for t in gone]
    return [_score(who, trip, after, mid=mid) for trip in (*changed, *nothing)]


def order_document(who: Identity, placed: Placed, *, latency: float | None = None) -> Document:
    """Returns the document of the order's present state."""
    intent, order = placed.intent, placed.order
    ts = max(order.updated, intent.created)
    body = documents.OrderDocument(
        order_id=order.order_ids[0] if order.order_ids else "",
        client_order_id=intent.client_order_id,
        decision_id=intent.decision_id,
        exchange=who.venue,
        side=intent.side,
        price=float(intent.price),
        avg_execution_price=float(_average(order.fills) or order.average),
        original_amount=float(order.original),
        executed_amount=float(order.filled),
        remaining_amount=float(order.original - order.filled),
        is_live=order.phase == Phase.OPEN,
        is_cancelled=order.cancelled > 0 and bool(order.order_ids),
        options=[intent.option] if intent.option else [],
        reason=order.reason,
        state=_state_name(placed),
        timestamps=ts,
        epoch=intent.epoch,
        mode=who.mode,
        latency_seconds=latency,
    )
    return _document(who, DocType.ORDER, ts=ts, key=intent.client_order_id, body=body)


def _state_name(placed: Placed) -> str:
    order = placed.order
    if order.phase != Phase.CLOSED:
        return order.phase.name.lower()
    if order.filled == order.original:
        return "filled"
    if order.filled > 0:
        return "partly filled"
    return "rejected" if order.refused else "cancelled"


def _average(fills: tuple[Fill, ...]) -> Decimal | None:
    amount = sum((fill.amount for fill in fills), Decimal(0))
    if not amount:
        return None
    return sum((fill.price * fill.amount for fill in fills), Decimal(0)) / amount


def _fill_document(
    who: Identity, intent: Intent, order_id: str, fill: Fill, *, broken: bool = False
) -> Document:
    body = documents.FillDocument(
        trade_id=str(fill.trade_id),
        order_id=order_id,
        client_order_id=intent.client_order_id,
        decision_id=intent.decision_id,
        side=intent.side,
        price=float(fill.price),
        amount=float(fill.amount),
        fee=float(fill.fee),
        fee_currency=fill.fee_currency,
        liquidity="taker" if fill.taker else "maker",
        broken=broken,
    )
    return _document(who, DocType.FILL, ts=fill.ts, key=str(fill.trade_id), body=body)


def _score(who: Identity, trip: Trip, after: Ledger, *, mid: Decimal) -> Document:
    equity = after.quote + after.base * mid
    exposure = after.base * mid
    peak = max(equity, after.marks.peak_equity) if after.marks else equity
    body = documents.Score(
        trip_id=trip.trip_id,
        entry_price=float(trip.entry_price),
        exit_price=float(trip.exit_price),
        amount=float(trip.sold),
        gross=float(trip.gross),
        fees=float(trip.fees),
        score=float(trip.score),
        return_fraction=float(trip.score / trip.cost) if trip.cost else 0.0,
        slippage=float(trip.slippage),
        holding_seconds=(trip.closed - trip.opened) / 1000,
        realised=float(after.realised),
        unrealised=float(after.trip.unrealised(mid)) if after.trip else 0.0,
        equity=float(equity),
        exposure=float(exposure),
        drawdown=float(1 - equity / peak) if peak else 0.0,
    )
    return _document(who, DocType.SCORE, ts=trip.closed, key=trip.trip_id, body=body)


def _halt(
    who: Identity, ts: int, state: str, *, reason: str, because: str = "", by: str = ""
) -> Document:
    body = msgspec.convert(
        {"state": state, "reason": reason, "because": because, "by": by}, documents.Halt
    )
    return _document(who, DocType.HALT, ts=ts, key=f"{state}-{ts}", body=body)


def balance_documents(
    who: Identity, before: Ledger, after: Ledger, body: Body, *, ts: int
) -> tuple[Document, ...]:
    """Returns both currencies' balances if an entry's events changed them.

    Args:
        before: the ledger before the first event of the write.
        body: the last event of the write.
    """
    if not after.known or _balances(after) == _balances(before):
        return ()
    key = body.client_order_id if isinstance(body, OrderEvent) else f"reconciled-{ts}"
    currencies = who.currencies or split_symbol(who.symbol)
    held = (after.held_base, after.held_quote)
    return tuple(
        _document(
            who,
            DocType.BALANCE,
            ts=ts,
            key=f"{currency}-{key}",
            body=documents.Balance(
                currency=currency,
                amount=float(amount),
                available=float(amount - taken),
                availableForWithdrawal=float(amount - taken),
            ),
        )
        for currency, amount, taken in zip(currencies, (after.base, after.quote), held, strict=True)
    )


def _balances(ledger: Ledger) -> tuple[bool, Decimal, Decimal]:
    return ledger.known, ledger.base, ledger.quote


def ticker_document(
    who: Identity, ticker: Ticker, currencies: tuple[str, str], *, window_end: int
) -> Document:
    """Returns the venue's prices at a window's decision, with the volumes of base and quote."""
    base, quote = (float(ticker.volumes.get(currency, 0)) for currency in currencies)
    named = dict(zip(currencies, (base, quote), strict=True))
    body = documents.Ticker(
        bid=float(ticker.bid),
        ask=float(ticker.ask),
        last=float(ticker.last),
        volume_base=base,
        volume_quote=quote,
        volume_BTC=named.get("BTC"),
        volume_USD=named.get("USD"),
    )
    ts = ticker.ts or window_end
    return _document(who, DocType.TICKER, ts=ts, key=str(window_end), body=body)


def _document(
    who: Identity, doc_type: DocType, *, ts: int, key: str, body: documents.Body
) -> Document:
    return documents.document(
        doc_type,
        bot=who.bot,
        symbol=who.symbol,
        ts=ts,
        key=key,
        body=body,
        currencies=who.currencies,
    )


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
