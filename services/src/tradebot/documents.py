"""The bodies of the documents that bots write: one Struct for each `doc_type`.

Stored numbers are floats: documents are for reading, never for computing an order. Times are
integer milliseconds UTC. Fields that the original pipeline stored keep their names (`amount`,
`available`, `volume_BTC` …), so that its dashboards and queries still work. The recorder stores
each body with `bot`, `symbol`, `base`, `quote`, `ts` and `doc_type` of its `Document`, and with the
`environment` from its own settings.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from tradebot.domain.bounds import LATEST
from tradebot.domain.decision import Decision as Decided
from tradebot.domain.instrument import split_symbol
from tradebot.records import DocType, Document, decode

Action = Literal["buy", "sell", "hold"]


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """What a document stores."""


class Balance(Body, frozen=True, kw_only=True):
    """The account's balance of one currency, after a change."""

    type: str = "exchange"
    currency: str
    amount: float
    available: float
    availableForWithdrawal: float  # noqa: N815  # the venue's own name, kept by the report


class Ticker(Body, frozen=True, kw_only=True):
    """The venue's prices at a decision; volumes are of 24 hours."""

    bid: float
    ask: float
    last: float
    volume_base: float
    volume_quote: float
    volume_BTC: float | None = None  # noqa: N815  # the report's name, for BTCUSD
    volume_USD: float | None = None  # noqa: N815


class OrderDocument(Body, frozen=True, kw_only=True):
    """An order as the venue last reported it, in the report's form, with its intent."""

    order_id: str
    client_order_id: str
    decision_id: str
    exchange: str
    type: str = "exchange limit"
    side: Literal["buy", "sell"]
    price: float
    avg_execution_price: float
    original_amount: float
    executed_amount: float
    remaining_amount: float
    is_live: bool
    is_cancelled: bool
    is_hidden: bool = False
    was_forced: bool = False
    options: list[str]
    reason: str = ""
    state: str
    timestamps: int
    epoch: int
    mode: str
    latency_seconds: float | None = None


class FillDocument(Body, frozen=True, kw_only=True):
    """One execution of an order; the fee is the venue's, never an estimate.

    `broken` is true if the venue broke the trade: it then counts in no balance.
    """

    trade_id: str
    order_id: str
    client_order_id: str
    decision_id: str
    side: Literal["buy", "sell"]
    price: float
    amount: float
    fee: float
    fee_currency: str
    liquidity: Literal["maker", "taker"]
    broken: bool = False


class VerdictDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One gate's verdict on a decision."""

    gate: str
    passed: bool
    reason: str


class Decision(Body, frozen=True, kw_only=True):
    """What the bot decided for one window, and why."""

    decision_id: str
    action: Action
    signal: Action
    reason: str
    gate: str
    strategy: str = ""
    """The strategy that the bot follows, if one proposed for this window's bar."""
    proposal: str = ""
    """The proposal's id, and `proposed` what it wanted, in a sentence."""
    proposed: str = ""
    exit: str = ""
    """The exit that closes the position, or would if no gate held it back."""
    verdicts: list[VerdictDocument]
    window_end: int
    ratio: float | None
    band_min_bps: int
    band_max_bps: int
    complete: bool
    delta: float | None
    forecast_log_price: float | None
    model: str
    digest: str
    model_age_seconds: float | None
    mid: float | None
    equity: float | None = None
    """Value of the whole account at `mid`, before the decision."""
    reconciled: bool = False
    """Whether the account was known to agree with the venue's."""
    reconciliations: int = 0
    """Reconciliations with the venue since the previous decision, or since the start."""
    amount: float
    limit_price: float | None
    client_order_id: str
    epoch: int
    mode: str
    inputs: str
    """JSON of the inputs of `decide`, so that `tradebot explain` can run it again."""


class Score(Body, frozen=True, kw_only=True):
    """The profit of a closed trip in quote currency, and the bot's totals."""

    trip_id: str
    entry_price: float
    exit_price: float
    amount: float
    gross: float
    fees: float
    score: float
    return_fraction: float
    slippage: float
    holding_seconds: float
    realised: float
    unrealised: float
    equity: float
    exposure: float
    drawdown: float


class Liquidity(Body, frozen=True, kw_only=True):
    """One window: flows in quote currency, their ratio, and whether the window is complete."""

    window_start: int
    window_end: int
    bid: float
    ask: float
    ratio: float | None
    events: int
    complete: bool


class Forecast(Body, frozen=True, kw_only=True):
    """A published forecast: its model, and the prices at some of its horizons."""

    model: str
    digest: str
    fitted_at: int
    history_end: int
    start: int
    steps: int
    price_next: float
    price_1h: float | None = None
    price_24h: float | None = None
    lower_1h: float | None = None
    upper_1h: float | None = None


class Halt(Body, frozen=True, kw_only=True):
    """A bot halted, or a person resumed it."""

    state: Literal["halted", "resumed", "paused"]
    reason: str
    because: str = ""
    by: str = ""


BODIES: dict[DocType, type[Body]] = {
    DocType.BALANCE: Balance,
    DocType.TICKER: Ticker,
    DocType.ORDER: OrderDocument,
    DocType.FILL: FillDocument,
    DocType.DECISION: Decision,
    DocType.SCORE: Score,
    DocType.LIQUIDITY: Liquidity,
    DocType.FORECAST: Forecast,
    DocType.HALT: Halt,
}


def differences(stored: Mapping[str, Any], again: Decided) -> list[str]:
    """Compares the stored body of a decision with the same decision made again."""
    pairs: tuple[tuple[str, Any, Any], ...] = (
        ("action", stored["action"], again.action),
        ("signal", stored["signal"], again.signal),
        ("gate", stored["gate"], again.gate),
        ("reason", stored["reason"], again.reason),
        ("amount", stored["amount"], float(again.amount)),
        ("limit", stored["limit_price"], None if again.price is None else float(again.price)),
        ("delta", stored["delta"], again.delta),
        (
            "verdicts",
            [(verdict["gate"], verdict["passed"]) for verdict in stored["verdicts"]],
            [(verdict.gate, verdict.passed) for verdict in again.verdicts],
        ),
    )
    return [f"{name}: was {was!r}, is {now!r}" for name, was, now in pairs if was != now]


def document_id(doc_type: DocType, *, bot: str, symbol: str, key: str) -> str:
    """Returns the id of the document that records `key`; see `document`."""
    name = f"{doc_type}/{bot}/{symbol}/{key}"
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def document(
    doc_type: DocType,
    *,
    bot: str,
    symbol: str,
    ts: int,
    key: str,
    body: Body,
    currencies: tuple[str, str] | None = None,
) -> Document:
    """Wraps `body` in its document.

    Args:
        currencies: base and quote of the symbol; derived from the symbol if omitted.
        key: identifies the recorded thing among its kind, such as a fill's trade id. Bot, kind and
            key make the id: a second delivery is stored once, and a newer state replaces the
            older.
    """
    base, quote = currencies or split_symbol(symbol)
    return Document(
        id=document_id(doc_type, bot=bot, symbol=symbol, key=key),
        doc_type=doc_type,
        ts=ts,
        bot=bot,
        symbol=symbol,
        body=msgspec.to_builtins(body),
        base=base,
        quote=quote,
    )


def checked(data: bytes) -> Document:
    """Decodes a document, and checks that its body fits its kind.

    Raises:
        ValueError: `data` is not a document, its body does not fit its kind, or its time is
            implausible.
    """
    found = decode(data, Document)
    msgspec.convert(found.body, BODIES[found.doc_type])
    if not 0 < found.ts < LATEST:
        raise ValueError(f"ts is {str(found.ts)[:30]}: not in milliseconds from 1970 to 2100")
    return found
