"""What crosses a topic: one Struct a record, and how it is written and read.

Values are JSON in UTF-8. Times are integer milliseconds UTC, except `LiquidityRecord.timestamp`,
which is in whole seconds. The venue's prices and amounts are decimal strings. The leading
fields of `FeedRecord` and `LiquidityRecord` are those of the original pipeline, in its order and
spelling, so that a consumer of the old records reads the new ones unchanged.
"""

from enum import StrEnum
from typing import Any, Final, Literal, TypeVar

import msgspec

FORECASTER = r"^[A-Za-z0-9._-]{0,100}$"
"""What a forecaster may be called."""

FORECASTERS: Final = "tradebot.forecasters"
"""The entry points of the models; a model is valid where it is installed."""

MODEL: Final = r"^[A-Za-z][A-Za-z0-9-]{0,39}$"
"""The form of a model's name."""

LETTER_BYTES: Final = 32_768
"""Of a record in its dead letter; JSON writes no byte with more than six."""

LETTER_REASON: Final = 1000
"""Characters of a dead letter's reason, which may cite the record."""

Side = Literal["bid", "ask"]
FeedReason = Literal["initial", "place", "cancel", "trade"]


class FeedRecord(msgspec.Struct, frozen=True):
    """One change of one price level of the book; topic `gemini-feed`, key symbol.

    `remaining` is the level's whole size after the change; "0" removes the level. `seq` rises by
    one a record within one connection of the feed and starts at 0, so that a `seq` of 0 marks a
    new connection and a step of more than one marks a loss.
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

    `value` is the flow of a side (Σ price × remaining, in quote currency) or, for `price_volume`,
    bid flow / ask flow, `None` where a side was empty. `timestamp` is the window's end in whole
    seconds; `window_start` and `window_end` are in milliseconds. `events` counts the window's
    records of flow on both sides.
    """

    type: Literal["ask", "bid", "price_volume"]
    value: float | None
    timestamp: int
    symbol: str = ""
    window_start: int = 0
    window_end: int = 0
    events: int = 0
    complete: bool = False


class ForecastRecord(msgspec.Struct, frozen=True):
    """The natural logarithm of the price for each coming step; topic `forecasts`.

    Key: `symbol/model`, and `/forecaster` behind it where that is named. Element i of `log_price`
    is for the time `start + i·step_ms`. `digest` names the fitted model, `fitted_at` is when it was
    fitted and `history_end` the last minute it saw, both in exchange time. `lower` and `upper`
    bound the price with probability `interval`. The model was fitted on `rows` minutes from
    `history_start` on, by tradebot `code_version`.

    `forecaster` names who published it, where a symbol has several of one model: those of another
    horizon, interval or history are other forecasts, and a trader follows one of them.

    `evaluated` says that the model's parameters passed a walk-forward evaluation, which ended at
    `evaluated_at`; `score` is then its mean log score above persistence's, in nats a forecast:
    below 0 it is worse than no model.
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


class MinuteRecord(msgspec.Struct, frozen=True):
    """A closed minute of a symbol; topic `minutes`, key `symbol/start`.

    `start` is in ms UTC and a multiple of 60,000. Prices are in quote currency, `volume` is in base
    currency, and `weighted` is the mean price weighted by the amounts; a minute without trades has
    no prices (`None`) and volume 0. The flows and their ratio are those of the window that began at
    `start`, `None` where there was none; `complete` is that window's. The floats are for models,
    never for an order.
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
    """Exits that a strategy asks for, named and written as in a TradeBot's `spec.exits`.

    Fractions are decimal strings. `None` leaves the bot's own setting.
    """

    stop_loss: str | None = None
    trailing_stop: str | None = None
    take_profit: str | None = None
    max_hold_minutes: int | None = None
    no_signal_minutes: int | None = None


class ProposalRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy wants at a bar's close; topic `proposals`, key `bot`.

    There is one for each closed bar, also where the strategy wants nothing (`hold`). `bot` is the
    proposer: the bot's name, or the name of the unit that several bots share. `digest` names the
    strategy's code and parameters, `inputs` the bars that it saw. `bar_end` (ms UTC) is the end of
    the bar, which is `step_ms` long. A buy spends `size` of the cash (`Fraction`) or buys `size` of
    base currency (`Amount`); a sell of `size` 0 sells all. Sizes and prices are decimal strings.

    `failing` is empty, or says where the strategy's code failed at this bar: file, line and the
    last line of the traceback. The side is then `hold`.
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

    @property
    def id(self) -> str:
        """Names the proposal: a proposer has one for a bar."""
        return f"{self.bot}/{self.bar_end}"


class AccountFill(msgspec.Struct, frozen=True, kw_only=True):
    """One of a bot's fills, as its strategy sees it; `number` counts the bot's fills from 1.

    Amounts and prices are decimal strings; the fee is in quote currency.
    """

    number: int
    ts: int
    side: Literal["buy", "sell"]
    price: str
    amount: str
    fee: str


class AccountRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a bot has, as its strategy may see it; topic `accounts`, key `bot`.

    `cash` is the quote currency that may be spent and `position` the base currency that may be
    sold, both decimal strings. `bought` says whether the position can be sold; `entry_price` and
    `opened_at` (ms) are those of the trip that is open. `equity` is `None` while no price is known.
    `window_end` (ms) is the last window that the account answers for. `fills` are the newest.
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


class DocType(StrEnum):
    """The kinds of document that the bots leave behind."""

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
"""Kinds that stores keep permanently: what was traded, what came of it, and why it stopped."""


class Document(msgspec.Struct, frozen=True):
    """What is stored of all this; topic `trade-documents`, key `id`.

    `id` is a function of what the document records, so that a second delivery changes nothing.
    `body` is the document itself, in the stored form: numbers are numbers, never strings.
    `base` and `quote` are the symbol's currencies, empty in documents of before they were added.
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
    """A record that could not be read or stored, kept aside; topic `dead-letters`.

    `value` is the text of the record's first `LETTER_BYTES`, with undecodable bytes replaced: a
    letter must fit into a message whatever it tells of, and the place finds the rest.
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
        """The letter of the record at that place."""
        text = value[:LETTER_BYTES].decode(errors="replace")
        return cls(topic, partition, offset, stage, error[:LETTER_REASON], text)

    @property
    def key(self) -> bytes:
        """The letter's key: where the record was."""
        return f"{self.topic}/{self.partition}/{self.offset}".encode()


Record = TypeVar("Record", bound=msgspec.Struct)

_encode = msgspec.json.Encoder().encode
_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


def encode(record: msgspec.Struct) -> bytes:
    """The record's JSON, fields in the order of its class."""
    return _encode(record)


def decode(data: bytes, kind: type[Record]) -> Record:
    """The record of class `kind` that `data` writes.

    Raises:
        msgspec.DecodeError: `data` is not JSON, or (`msgspec.ValidationError`) not such a record.
    """
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    return read(decoder, data)  # type: ignore[no-any-return]  # the cache forgets the class


def read(decoder: msgspec.json.Decoder[Any], data: bytes | str | msgspec.Raw) -> Any:
    """What `decoder` makes of `data`.

    Raises:
        msgspec.DecodeError: nothing, whatever is wrong with `data`. msgspec itself has errors of
            their own for bytes that are not UTF-8 and for brackets nested without end.
    """
    try:
        return decoder.decode(data)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from None
