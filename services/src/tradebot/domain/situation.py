"""The inputs of a decision: the bot's state, the window's inputs and the settings.

All three are plain values that JSON can represent, so that a stored decision can be run again.
Prices and balances are Decimal; the model's numbers are floats. Times are integer milliseconds of
the venue's time. Counters of a bot's own orders use the ends of windows, so that a replay counts
exactly as the live run did.
"""

from decimal import Decimal
from typing import Final, Literal

import msgspec

from tradebot.domain.account.position import Position

Action = Literal["buy", "sell", "hold"]
MarketStatus = Literal["open", "closed", "cancel_only", "post_only", "limit_only"]
Breach = Literal["ReduceOnly", "Flatten", "Hold"]
"""What a halt allows: selling, only selling everything at once, or nothing."""
Holdings = Literal["Own", "All"]
"""What a bot may sell: what its own fills bought, or the account's whole base balance."""

Unfilled = Literal["Take", "GiveUp"]
"""What happens to the rest of a maker order after its last period."""

Holds = Literal["buys", "signals", "exits", "all", "windows"]
"""What a gate holds back: buys, orders of a signal, exits, or every order. A gate with "windows" is
checked at each window and between windows: it can halt the bot, and holds buys back."""

FLATTEN: Final = "flatten"
"""The exit that a person requests."""

BPS = Decimal(10_000)
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

LARGEST_LOG = 300.0
"""No price has a larger logarithm; the ratio of two such prices is still a float."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """The liquidity of one window: bid flow / ask flow, `None` if a side was empty."""

    end: int
    ratio: float | None
    complete: bool


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """The forecast at a window's timestamp, in natural logarithms of the price.

    `log_price_turn` is the price at which the forecast's present run ends: the first step after
    which it no longer moves the same way, where the strategy itself would turn. `evaluated` is true
    if the model was evaluated on minutes outside its data.
    """

    model: str
    digest: str
    history_end: int
    evaluated: bool
    log_price: float
    log_price_next: float
    log_price_turn: float

    @property
    def delta(self) -> float:
        """forecast(t + 1) − forecast(t)."""
        return self.log_price_next - self.log_price

    @property
    def plausible(self) -> bool:
        """Whether the numbers can be logarithms of prices; NaN and infinities cannot."""
        told = (self.log_price, self.log_price_next, self.log_price_turn)
        return all(abs(number) <= LARGEST_LOG for number in told)


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """The venue's best prices, and how long its feed has been silent, in real milliseconds.

    `last` is the price of the last trade, `None` if unknown.
    """

    bid: Decimal
    ask: Decimal
    silent_ms: int = 0
    last: Decimal | None = None

    @property
    def mid(self) -> Decimal:
        """Half-way between the best prices."""
        return (self.bid + self.ask) / 2


class Increments(msgspec.Struct, frozen=True, kw_only=True):
    """The venue's steps for a symbol and the smallest order, in base currency."""

    amount_step: Decimal
    price_step: Decimal
    minimum: Decimal


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy proposed for the bar that ends at `bar_end`, ms.

    `id` names the proposal, `digest` the strategy's code and parameters, and `data` the bars that
    it saw. A buy spends at most `size` of the cash (`Fraction`) or buys at most `size` of base
    currency (`Amount`). A sell of `size` 0 sells all. `limit` and `stop` hold for this bar.
    `failing` is why the strategy failed at the bar, or empty. If `adds` is true, a buy may add to a
    position.
    """

    id: str
    strategy: str
    digest: str
    data: str
    bar_end: int
    side: Action
    size: Decimal
    sizing: Literal["Fraction", "Amount"]
    limit: Decimal | None = None
    stop: Decimal | None = None
    reason: str = ""
    failing: str = ""
    adds: bool = False


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """The market at the time of a decision.

    `now` is the venue's time, 0 if unknown. `taker_fee_bps` is the venue's fee for orders that take
    liquidity. `market_status` is the symbol's as last reported; stored decisions from before this
    field count as made in an open market. `suggestion` is the strategy's for this window's end,
    `None` where the bot follows the report's rule or none has come.
    """

    now: int
    window: Window
    prediction: Prediction | None
    quote: Quote | None
    increments: Increments
    taker_fee_bps: Decimal
    market_status: MarketStatus = "open"
    suggestion: Suggestion | None = None


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """The equities that losses are measured against: start of the UTC day, and peak."""

    day: int
    day_equity: Decimal
    peak_equity: Decimal


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What the bot knows of itself.

    `base` and `quote` are available balances; the `held` ones are reserved by live orders.
    `position` is what the bot's own fills bought and have not sold, `None` if that is less than the
    smallest order; `bought` is true if there is a position. `orders_at` are the ends of the windows
    that led to orders, of at least the last hour, ascending. `signal_at` is the end of the last
    window with a forecast that could be traded on; 0 if there was none. `flattening` is why a
    person wants everything sold; it is empty once that is done. `waiting` is the side of a maker
    order that rests at the venue, or empty.
    """

    base: Decimal
    quote: Decimal
    base_held: Decimal = Decimal(0)
    quote_held: Decimal = Decimal(0)
    bought: bool = False
    position: Position | None = None
    orders_at: tuple[int, ...] = ()
    marks: Marks | None = None
    reconciled: bool = True
    unresolved: int = 0
    signal_at: int = 0
    journal_down: str = ""
    halted: str = ""
    paused: str = ""
    flattening: str = ""
    waiting: Literal["", "buy", "sell"] = ""

    def equity(self, mid: Decimal) -> Decimal:
        """Returns the account's total value at `mid`, in quote currency."""
        return self.quote + self.quote_held + (self.base + self.base_held) * mid


class Exits(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of the exit policies; `None` turns one off.

    `stop_loss` and `take_profit` are fractions of the entry price, `trailing_stop` one of the
    highest price since entry. `max_slippage_bps` is how far below the best bid an exit may sell.
    `rest_at_venue` also places the stop loss at the venue as a stop-limit order.
    """

    stop_loss: Decimal | None = None
    trailing_stop: Decimal | None = None
    take_profit: Decimal | None = None
    max_hold_ms: int | None = None
    no_signal_ms: int | None = None
    max_slippage_bps: int = 500
    rest_at_venue: bool = False


class Making(msgspec.Struct, frozen=True, kw_only=True):
    """How maker orders wait; see `domain.making`.

    `wait_ms` is how long an order rests before it is looked at again, in ms of the venue's time.
    """

    reprices: int = 2
    wait_ms: int = 15_000
    unfilled: Unfilled = "Take"


PositionUnit = Literal["base", "equity", "quote"]
"""What `max_position` counts: base currency, a fraction of equity, or value in quote currency."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of the rules; `None` turns a limit off.

    `holdings` is what a sell may sell: `All` is the report's rule, the whole base balance.
    `slippage_bps` is how far beyond the best price an order may reach, `collar_bps` how far its
    limit may be from the mid. `min_edge_bps` of 0 is the original rule, which requires no edge.
    `on_breach` is what a halt or a pause does to the position: see `Breach`. `proposer` names the
    strategy stage that the bot follows; empty, it follows the report's rule. `making` is how orders
    of a signal wait as maker; `None` takes liquidity at once. Exits always take.
    """

    holdings: Holdings = "Own"
    band_min_bps: int = 5_000
    band_max_bps: int = 20_000
    risk_fraction: Decimal = Decimal("0.05")
    min_edge_bps: int = 0
    slippage_bps: int = 10
    collar_bps: int = 100
    max_position: Decimal | None = None
    max_position_unit: PositionUnit = "base"
    max_daily_loss: Decimal | None = None
    max_drawdown: Decimal | None = None
    cooldown_ms: int = 60_000
    max_orders_per_hour: int | None = 30
    max_window_age_ms: int = 70_000
    max_silence_ms: int = 10_000
    max_model_age_ms: int = 3_600_000
    require_evaluation: bool = True
    exits: Exits = Exits()
    on_breach: Breach = "ReduceOnly"
    proposer: str = ""
    making: Making | None = None


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """All inputs of `decide`, stored with the decision."""

    state: State
    inputs: Inputs
    settings: Settings


def read_stored(text: str) -> Stored:
    """Decodes the stored inputs of a decision.

    A decision stored before `holdings` was a setting sold the whole balance.

    Raises:
        msgspec.DecodeError: `text` is not the JSON of a `Stored`.
    """
    stored = _decode_stored(text)
    if '"holdings":' in text:
        return stored
    settings = msgspec.structs.replace(stored.settings, holdings="All")
    return msgspec.structs.replace(stored, settings=settings)


_decode_stored = msgspec.json.Decoder(Stored).decode


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """The order of a signal or an exit, before the gates have checked it.

    `price` is `None` and `amount` zero if the venue's prices are unknown. `exit` names the exit
    behind it; it is empty for a signal.
    """

    side: Literal["buy", "sell"]
    amount: Decimal
    price: Decimal | None
    exit: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one gate or exit.

    A gate that does not pass holds an order back; an exit that does not pass closes the position.
    A gate that `halts` stops the bot until a person resumes it.
    """

    gate: str
    passed: bool
    reason: str
    halts: bool = False
