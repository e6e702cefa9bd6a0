"""The records that cross topics: one Struct each, with encoding and decoding.

Values are JSON in UTF-8. Times are integer milliseconds UTC, except `LiquidityRecord.timestamp`,
which is in whole seconds. Prices and amounts of the venue are decimal strings. `FeedRecord` and
`LiquidityRecord` begin with the fields of the original pipeline, in its order and spelling, so
that consumers of the old records can read the new ones.
"""

from enum import StrEnum
from typing import Any, Final, Literal, TypeVar

import msgspec

FORECASTER = r"^[A-Za-z0-9._-]{0,100}$"
"""Allowed names of a forecaster."""

FORECASTERS: Final = "tradebot.forecasters"
"""The entry points of the models; a model is valid if it is installed."""

MODEL: Final = r"^[A-Za-z][A-Za-z0-9-]{0,39}$"
"""Allowed names of a model."""

LETTER_BYTES: Final = 32_768
"""Bytes of a record that its dead letter keeps; JSON uses at most six bytes for one."""

LETTER_REASON: Final = 1000
"""Maximum length of a dead letter's reason, which may quote the record."""

Side = Literal["bid", "ask"]
FeedReason = Literal["initial", "place", "cancel", "trade"]


class FeedRecord(msgspec.Struct, frozen=True):
    """A change of one price level of the order book; topic `gemini-feed`, key symbol.

    `remaining` is the level's total size after the change; "0" removes the level. `seq` counts the
    records of one connection from 0. A `seq` of 0 marks a new connection; a step of more than one
    means that records were lost.
    """

    side: Side
    price: str
    remaining: str
    symbol: str = ""
    ts: int = 0
    reason: FeedReason = "place"
    seq: int = -1


class TradeRecord(msgspec.Struct, frozen=True):
    """One trade on the venue; topic `gemini-trades`, key symbol."""

    symbol: str
    tid: int
    price: str
    amount: str
    maker_side: Literal["bid", "ask", "auction"]
    ts: int


class LiquidityRecord(msgspec.Struct, frozen=True):
    """One of the three results of a window; topic `faust.out`, key symbol.

    `value` is the flow of a side (Σ price × remaining, in quote currency). For `price_volume` it is
    bid flow / ask flow, `None` if a side was empty. `timestamp` is the window's end in whole
    seconds; `window_start` and `window_end` are in milliseconds. `events` counts the window's flow
    records of both sides.
    """

    type: Literal["ask", "bid", "price_volume"]
    value: float | None
    timestamp: int
    symbol: str = ""
    window_start: int = 0
    window_end: int = 0
    events: int = 0
    complete: bool = False


class TrainingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How a model that is trained at intervals came into use; times in ms of exchange time.

    It learnt from the minutes from `window_start` to `window_end`. On those from `holdout_start` to
    `holdout_end`, which it had not seen, its mean log score was `score`, persistence's
    `persistence`, and that of the model that it replaced `previous`. These are absent if the
    history was too short. `rejected` is the score of a newer model that was worse. The next
    training is at `next_at`.
    """

    window_start: int
    window_end: int
    next_at: int
    holdout_start: int = 0
    holdout_end: int = 0
    score: float | None = None
    persistence: float | None = None
    previous: float | None = None
    rejected: float | None = None


class ForecastRecord(msgspec.Struct, frozen=True):
    """The natural logarithm of the price for each future step; topic `forecasts`.

    The key is `symbol/model`, followed by `/forecaster` if one is named. Element i of `log_price`
    is for the time `start + i·step_ms`. `digest` identifies the fitted model. `fitted_at` is the
    time of the fit and `history_end` the last minute it used, both in exchange time. `lower` and
    `upper` bound the price with probability `interval`. The model was fitted by version
    `code_version` of tradebot on `rows` minutes from `history_start` on.

    `forecaster` names the publisher. A symbol can have several forecasts of one model that differ
    in horizon, interval or history; a trader follows one of them.

    If `evaluated` is true, the model's parameters passed a walk-forward evaluation that ended at
    `evaluated_at`. `score` is then its mean log score minus persistence's, in nats per forecast;
    below 0 it is worse than persistence. `training` describes a model that is trained at intervals.
    """

    symbol: str
    model: str
    digest: str
    fitted_at: int
    history_end: int
    start: int
    step_ms: int
    log_price: list[float]
    lower: list[float]
    upper: list[float]
    interval: float = 0.8
    rows: int = 0
    history_start: int = 0
    code_version: str = ""
    evaluated: bool = False
    evaluated_at: int = 0
    score: float | None = None
    forecaster: str = ""
    training: TrainingRecord | None = None


class MinuteRecord(msgspec.Struct, frozen=True):
    """A closed minute of a symbol; topic `minutes`, key `symbol/start`.

    `start` is in ms UTC and a multiple of 60,000. Prices are in quote currency, `volume` is in base
    currency, and `weighted` is the volume-weighted mean price. A minute without trades has volume 0
    and no prices (`None`). The flows, their ratio and `complete` are those of the window that began
    at `start`, `None` if there was none. The floats are for models, never for an order.
    """

    symbol: str
    start: int
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: float
    weighted: float | None
    bid_flow: float | None = None
    ask_flow: float | None = None
    ratio: float | None = None
    complete: bool = False

    @property
    def key(self) -> bytes:
        """The record's key. Compaction keeps one record of each minute."""
        return f"{self.symbol}/{self.start}".encode()


class ProposedExits(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Exits that a strategy requests, named and written as in a TradeBot's `spec.exits`.

    Fractions are decimal strings. `None` keeps the bot's own setting.
    """

    stop_loss: str | None = None
    trailing_stop: str | None = None
    take_profit: str | None = None
    max_hold_minutes: int | None = None
    no_signal_minutes: int | None = None


class ProposalRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy proposes at a bar's close; topic `proposals`, key `bot`.

    Every closed bar has one, even if the strategy does nothing (`hold`). `bot` is the proposer: the
    bot's name, or the name of a unit that several bots share. `digest` identifies the strategy's
    code and parameters, `inputs` the bars that it read. `bar_end` (ms UTC) is the end of the bar,
    which is `step_ms` long. A buy spends a fraction `size` of the cash (`Fraction`) or buys
    `size` in base currency (`Amount`); a sell of `size` 0 sells everything. Sizes and prices are
    decimal strings.

    `failing` is empty unless the strategy's code failed at this bar. It then has the file, the line
    and the last line of the traceback, and the side is `hold`.

    If `adds` is true, a buy may add to a position; otherwise a bot that has already bought does not
    buy.
    """

    bot: str
    strategy: str
    digest: str
    inputs: str
    symbol: str
    bar_end: int
    side: Literal["buy", "sell", "hold"]
    size: str = "0"
    sizing: Literal["Fraction", "Amount"] = "Fraction"
    limit: str | None = None
    stop: str | None = None
    exits: ProposedExits | None = None
    reason: str = ""
    failing: str = ""
    step_ms: int = 0
    adds: bool = False

    @property
    def id(self) -> str:
        """Identifies the proposal: a proposer makes one per bar."""
        return f"{self.bot}/{self.bar_end}"


class AccountFill(msgspec.Struct, frozen=True, kw_only=True):
    """One of a bot's fills, as its strategy sees it. `number` is the venue's trade id, which rises.

    Amounts and prices are decimal strings; the fee is in quote currency.
    """

    number: int
    ts: int
    side: Literal["buy", "sell"]
    price: str
    amount: str
    fee: str


class AccountRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A bot's account, as its strategy sees it; topic `accounts`, key `bot`.

    `cash` is the quote currency available to spend and `position` the base currency available to
    sell, both decimal strings. `bought` is true if the position can be sold. `entry_price` and
    `opened_at` (ms) belong to the open trip. `equity` is `None` while no price is known.
    `window_end` (ms) is the last window that the account includes. `fills` are the newest.
    """

    bot: str
    symbol: str
    ts: int
    window_end: int
    cash: str
    position: str
    bought: bool
    entry_price: str | None = None
    opened_at: int = 0
    equity: str | None = None
    fills: tuple[AccountFill, ...] = ()


class ParityRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the nightly check of one bot found; topic `parity`, key `bot`, compacted.

    The bot's `decisions` from `start` to `end` (window ends, ms) were decided again from what was
    recorded; `different` of them came out otherwise, and `first` describes the first of those.
    `checked_at` is real time, ms. `code_version` is the version that decided again.
    """

    bot: str
    checked_at: int
    start: int
    end: int
    decisions: int
    different: int
    first: str = ""
    code_version: str = ""


class DocType(StrEnum):
    """The kinds of documents that bots write."""

    BALANCE = "balance"
    TICKER = "ticker"
    ORDER = "order"
    FILL = "fill"
    DECISION = "decision"
    SCORE = "score"
    LIQUIDITY = "liquidity"
    FORECAST = "forecast"
    HALT = "halt"


PERMANENT: Final = frozenset({DocType.ORDER, DocType.FILL, DocType.SCORE, DocType.HALT})
"""Kinds that stores keep permanently: trades, their results, and halts."""


class Document(msgspec.Struct, frozen=True):
    """A document to store; topic `trade-documents`, key `id`.

    `id` is a function of what the document records, so a second delivery changes nothing. `body` is
    in its stored form: numbers are numbers, never strings. `base` and `quote` are the symbol's
    currencies; they are empty in documents older than these fields.
    """

    id: str
    doc_type: DocType
    ts: int
    bot: str
    symbol: str
    body: dict[str, Any]
    base: str = ""
    quote: str = ""


class DeadLetter(msgspec.Struct, frozen=True):
    """A record that could not be read or stored; topic `dead-letters`.

    `value` is the text of the record's first `LETTER_BYTES`, with undecodable bytes replaced, so
    that any letter fits into a message. `topic`, `partition` and `offset` lead to the whole record.
    """

    topic: str
    partition: int
    offset: int
    stage: str
    error: str
    value: str

    @classmethod
    def of(
        cls, topic: str, partition: int, offset: int, *, stage: str, error: str, value: bytes
    ) -> "DeadLetter":
        """The dead letter of the record at that topic, partition and offset."""
        text = value[:LETTER_BYTES].decode(errors="replace")
        return cls(topic, partition, offset, stage, error[:LETTER_REASON], text)

    @property
    def key(self) -> bytes:
        """The letter's key: the record's position."""
        return f"{self.topic}/{self.partition}/{self.offset}".encode()


Record = TypeVar("Record", bound=msgspec.Struct)

_encode = msgspec.json.Encoder().encode
_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


def encode(record: msgspec.Struct) -> bytes:
    """Returns the record's JSON, with fields in the order of its class."""
    return _encode(record)


def decode(data: bytes, kind: type[Record]) -> Record:
    """Decodes `data` as a record of class `kind`.

    Raises:
        msgspec.DecodeError: `data` is not JSON, or (`msgspec.ValidationError`) not such a record.
    """
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    return read(decoder, data)  # type: ignore[no-any-return]  # the cache forgets the class


def read(decoder: msgspec.json.Decoder[Any], data: bytes | str | msgspec.Raw) -> Any:
    """Decodes `data`.

    Raises:
        msgspec.DecodeError: `data` is not valid. msgspec raises other errors for invalid UTF-8 and
            for brackets nested too deeply; here they become this one.
    """
    try:
        return decoder.decode(data)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from None
