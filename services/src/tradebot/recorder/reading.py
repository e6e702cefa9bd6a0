"""Turns a topic's record into a stored document. Pure."""

import math
from typing import Final

import msgspec

from tradebot import documents
from tradebot.domain.bounds import LATEST
from tradebot.domain.instrument import split_symbol
from tradebot.platform.store import StoredDocument
from tradebot.plausible import forecast, window
from tradebot.plausible.values import UNKNOWN, Now, symbol_of, time_fault
from tradebot.records import DocType, Document, ForecastRecord, LiquidityRecord, decode, read
from tradebot.window_records import WholeWindow

HOUR_MS = 3_600_000

LAG_MS: Final = 120_000
"""How far a time may be ahead of Kafka's timestamp: clocks differ, and forecasts start later."""

ID_BYTES = 512
"""Elasticsearch's limit for an id, in UTF-8."""


class UnreadableError(ValueError):
    """The bytes are not a record of their topic; the message says why."""


class _Envelope(msgspec.Struct, frozen=True):
    id: str
    doc_type: DocType
    ts: int
    bot: str
    symbol: str
    body: msgspec.Raw
    base: str = ""
    quote: str = ""


def _strict(kind: type[documents.Body]) -> msgspec.json.Decoder[documents.Body]:
    """Returns a decoder that refuses unknown fields, as Elasticsearch does."""
    return msgspec.json.Decoder(
        msgspec.defstruct(
            kind.__name__, [], bases=(kind,), frozen=True, kw_only=True, forbid_unknown_fields=True
        )
    )


_envelope = msgspec.json.Decoder(_Envelope)
_bodies = {doc_type: _strict(kind) for doc_type, kind in documents.BODIES.items()}


def now_of(stamp: int, speed: float) -> Now:
    """The venue's time when Kafka took a record at `stamp` (ms): unknown where time runs faster."""
    return Now(stamp, LAG_MS) if speed == 1 and stamp > 0 else UNKNOWN


def document_of(data: bytes, environment: str = "", now: Now = UNKNOWN) -> StoredDocument:
    """Decodes a record of `trade-documents`, and adds the environment.

    Raises:
        UnreadableError: it is not a document, its body does not fit its kind, or its time has not
            come.
    """
    try:
        envelope = read(_envelope, data)
        read(_bodies[envelope.doc_type], envelope.body)
    except msgspec.DecodeError as error:
        raise UnreadableError(str(error)) from None
    _refuse(time_fault("ts", envelope.ts, now))
    return _stored(envelope, bytes(envelope.body), environment)


def _refuse(fault: str | None) -> None:
    if fault is not None:
        raise UnreadableError(fault)


def stored(document: Document, environment: str = "") -> StoredDocument:
    """Converts a document to its stored form.

    Raises:
        UnreadableError: no store accepts its id or its time.
    """
    return _stored(document, msgspec.json.encode(document.body), environment)


def _stored(document: Document | _Envelope, body: bytes, environment: str) -> StoredDocument:
    if not 0 <= document.ts < LATEST:  # no store accepts later ones
        raise UnreadableError("its ts is not milliseconds between 1970 and 2100")
    if not 0 < len(document.id.encode()) <= ID_BYTES:
        raise UnreadableError(f"its id does not have 1 to {ID_BYTES} bytes")
    base, quote = split_symbol(document.symbol)
    head = msgspec.json.encode(
        {
            "bot": document.bot,
            "symbol": document.symbol,
            "base": document.base or base,
            "quote": document.quote or quote,
            "ts": document.ts,
            "doc_type": document.doc_type,
        }
        | ({"environment": environment} if environment else {})
    )
    inner = body.strip()[1:].lstrip()
    source = head[:-1] + (b"," if inner != b"}" else b"") + inner
    return StoredDocument(
        id=document.id,
        doc_type=document.doc_type,
        ts=document.ts,
        bot=document.bot,
        symbol=document.symbol,
        source=source,
    )


def result_of(data: bytes, key: bytes | None, now: Now = UNKNOWN) -> LiquidityRecord:
    """Decodes a record of `faust.out`; one without a symbol has its key's.

    Raises:
        UnreadableError: it is not a window's result, or cannot be true.
    """
    try:
        record = decode(data, LiquidityRecord)
    except msgspec.DecodeError as error:
        raise UnreadableError(str(error)) from None
    symbol = symbol_of(record.symbol, key, "")
    _refuse(window.fault(record, now))
    _refuse(None if symbol else "it has no symbol, and its key is not one")
    return msgspec.structs.replace(record, symbol=symbol)


def window_of(whole: WholeWindow) -> Document:
    """Makes the document of a whole."""
    body = documents.Liquidity(
        window_start=whole.start,
        window_end=whole.end,
        bid=whole.bid or 0.0,
        ask=whole.ask or 0.0,
        ratio=whole.ratio,
        events=whole.events,
        complete=whole.complete,
    )
    return documents.document(
        DocType.LIQUIDITY,
        bot="",
        symbol=whole.symbol,
        ts=whole.end,
        key=str(whole.end),
        body=body,
    )


def forecast_of(data: bytes, now: Now = UNKNOWN) -> Document:
    """Makes the document of a record of `forecasts`.

    Raises:
        UnreadableError: it is not a forecast, or cannot be true.
    """
    try:
        record = decode(data, ForecastRecord)
    except msgspec.DecodeError as error:
        raise UnreadableError(str(error)) from None
    _refuse(forecast.fault(record, now))
    body = documents.Forecast(
        model=record.model,
        digest=record.digest,
        fitted_at=record.fitted_at,
        history_end=record.history_end,
        start=record.start,
        steps=len(record.log_price),
        price_next=math.exp(record.log_price[0]),
        price_1h=_ahead(record, record.log_price, HOUR_MS),
        price_24h=_ahead(record, record.log_price, 24 * HOUR_MS),
        lower_1h=_ahead(record, record.lower, HOUR_MS),
        upper_1h=_ahead(record, record.upper, HOUR_MS),
    )
    return documents.document(
        DocType.FORECAST,
        bot="",
        symbol=record.symbol,
        ts=record.fitted_at,
        key="/".join(
            filter(None, (record.model, record.digest, str(record.start), record.forecaster))
        ),
        body=body,
    )


def _ahead(record: ForecastRecord, logs: list[float], ahead_ms: int) -> float | None:
    """Returns the price that long after the model's last minute."""
    step = (record.history_end + ahead_ms - record.start) // record.step_ms
    return math.exp(logs[step]) if 0 <= step < len(logs) else None
