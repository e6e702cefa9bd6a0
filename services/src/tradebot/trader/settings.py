"""The trader's settings: its identity, its risk limits, and where it keeps its journal."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from tradebot.domain.decision import Exits
from tradebot.domain.decision import Settings as Rules
from tradebot.domain.instrument import split_symbol
from tradebot.domain.situation import Breach, Holdings, PositionUnit
from tradebot.platform.settings import Bounds
from tradebot.records import FORECASTER, MODEL
from tradebot.venue.execution import AfterWaiting, Execution, Reprices, WaitSeconds, making
from tradebot.venue.settings import VenueSettings

Mode = Literal["Paper", "Live", "Paused"]

WINDOW_MS = 60_000
_POSITION = re.compile(r"(?P<number>\d+(\.\d+)?)((?P<percent>%)| (?P<currency>[A-Z0-9]+))?")
MINUTE_MS = 60_000


class TraderSettings(VenueSettings, frozen=True, kw_only=True):
    """Settings of a trader; every number of the rules is a setting."""

    bot: Annotated[
        str,
        msgspec.Meta(pattern="^[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?$"),
        "name of the bot: lower-case letters, digits and dashes",
    ] = "btc"
    mode: Annotated[
        Mode,
        "Paper simulates fills from the venue's book, Live sends orders, Paused sends no buys",
    ] = "Paper"
    model: Annotated[
        str, msgspec.Meta(pattern=MODEL), "model to follow: the name of an installed forecaster"
    ] = "FastProphet"
    forecaster: Annotated[
        str,
        msgspec.Meta(pattern=FORECASTER),
        "forecaster to follow, if there are several for the model: the --forecaster of its stage",
    ] = ""
    proposer: Annotated[
        str,
        msgspec.Meta(pattern=FORECASTER),
        "strategy stage to follow: its --proposer; default: none, the bot follows the report's "
        "rule",
    ] = ""
    proposal_wait_seconds: Annotated[
        float,
        msgspec.Meta(ge=0, le=10),
        "real seconds that a window waits for the proposal of its bar",
    ] = 2.0
    state_dir: Annotated[Path, "folder for journals, locks and the document store"] = Path(
        ".tradebot"
    )
    api_key_file: Annotated[str, "file with the venue's API key (Live)"] = ""
    api_secret_file: Annotated[str, "file with the key's secret (Live)"] = ""

    holdings: Annotated[
        Holdings,
        "what a sell sells: Own, what the bot's own orders bought; All, the account's whole "
        "base balance, as in the report",
    ] = "Own"
    risk_fraction: Annotated[
        Decimal, "fraction of the available quote balance that one buy may spend, (0, 1]"
    ] = Decimal("0.05")
    band_min_bps: Annotated[
        int, msgspec.Meta(ge=0), "lowest bid flow / ask flow for a buy, in basis points"
    ] = 5_000
    band_max_bps: Annotated[
        int, msgspec.Meta(ge=0), "highest bid flow / ask flow for a buy, in basis points"
    ] = 20_000
    min_edge_bps: Annotated[
        int,
        msgspec.Meta(ge=0),
        "forecast gain beyond fees required for a buy, in basis points; 0 turns this off",
    ] = 0
    slippage_bps: Annotated[
        int,
        msgspec.Meta(ge=0, le=1000),
        "how far past the best price an order may go, in basis points",
    ] = 10
    execution: Execution = "Taker"
    maker_reprices: Reprices = 2
    maker_wait_seconds: WaitSeconds = 15
    maker_unfilled: AfterWaiting = "Take"
    collar_bps: Annotated[
        int,
        msgspec.Meta(ge=1, le=5000),
        "maximum distance of a limit price from the mid, in basis points",
    ] = 100
    max_position: Annotated[
        str,
        "maximum position after a buy: 1.5 in base currency, 50% of equity, or 5000 USD in quote"
        " currency, or none; default: none on paper, else 50%",
    ] = ""
    max_daily_loss: Annotated[
        Decimal | None,
        "loss that halts the bot, as a fraction of the day's first equity; 0 turns it off; default:"
        " off on paper, else 0.02",
    ] = None
    max_drawdown: Annotated[
        Decimal | None,
        "fall from the highest equity that halts the bot, as a fraction; 0 turns it off; default:"
        " off on paper, else 0.10",
    ] = None
    on_breach: Annotated[
        Breach,
        "after a halt or a pause: ReduceOnly keeps selling, Flatten sells everything at a halt, "
        "Hold sends nothing",
    ] = "ReduceOnly"
    stop_loss: Annotated[
        Decimal, "fall below the entry price that sells the position, as a fraction; 0 turns it off"
    ] = Decimal("0.05")
    trailing_stop: Annotated[
        Decimal,
        (
            "fall below the highest price since the buy that sells the position, as a "
            "fraction; 0 turns it off"
        ),
    ] = Decimal(0)
    take_profit: Annotated[
        Decimal, "rise above the entry price that sells the position, as a fraction; 0 turns it off"
    ] = Decimal(0)
    max_hold_minutes: Annotated[
        int, msgspec.Meta(ge=0), "exchange minutes after which a position is sold; 0 turns it off"
    ] = 0
    no_signal_minutes: Annotated[
        int,
        msgspec.Meta(ge=0),
        "exchange minutes without a usable window and forecast after which a position is sold; "
        "0 turns it off",
    ] = 0
    max_exit_slippage_bps: Annotated[
        int,
        msgspec.Meta(ge=1, le=5000),
        "how far below the best bid one attempt of an exit may sell, in basis points",
    ] = 500
    rest_at_venue: Annotated[
        bool,
        "also place the stop loss at the venue as a stop-limit order, which works while the trader"
        " or its network is down; needs a key without heartbeat",
    ] = False
    watch_seconds: Annotated[
        float, msgspec.Meta(gt=0), "real seconds between two checks of losses and exits"
    ] = 5.0
    cooldown_seconds: Annotated[
        int, msgspec.Meta(ge=0), "exchange seconds between an order and the next buy"
    ] = 60
    max_orders_per_hour: Annotated[
        int, msgspec.Meta(ge=1), "maximum number of orders in one hour of exchange time"
    ] = 30
    max_window_lag_seconds: Annotated[
        float, msgspec.Meta(gt=0), "real seconds a window may be late and still be traded on"
    ] = 10.0
    max_silence_seconds: Annotated[
        float, msgspec.Meta(gt=0), "real seconds of silence after which the feed is stale"
    ] = 10.0
    max_model_age_seconds: Annotated[
        int, msgspec.Meta(gt=0), "maximum age of the model's last minute, in exchange seconds"
    ] = 3_600

    require_evaluation: Annotated[
        bool, "buy only if the model was evaluated on minutes it had not seen"
    ] = True

    paper_quote: Annotated[Decimal, "initial quote balance of a paper account"] = Decimal(100_000)
    paper_base: Annotated[Decimal, "initial base balance of a paper account"] = Decimal(0)

    paper_latency_ms: Annotated[
        int,
        msgspec.Meta(ge=0, le=60_000),
        "exchange milliseconds that a paper order takes to the venue; it fills on the book of then",
    ] = 100

    paper_maker_bps: Annotated[
        Decimal | None,
        Bounds(least=0, most=1000),
        "fee of a paper order that rested, in basis points; default: by the venue's fee table",
    ] = None
    paper_taker_bps: Annotated[
        Decimal | None,
        Bounds(least=0, most=1000),
        "fee of a paper order that filled at once, in basis points; default: by the venue's fee "
        "table",
    ] = None

    reconcile_seconds: Annotated[
        float, msgspec.Meta(gt=0), "real seconds between two reconciliations with the venue"
    ] = 120.0
    heartbeat: Annotated[
        bool, "the key requires heartbeats: the venue cancels all orders if they stop"
    ] = False
    time_based_nonce: Annotated[bool, "the key was created with a time-based nonce"] = False
    on_stop: Annotated[
        Literal["keep", "flatten"], ("what to do with the position when the trader stops")
    ] = "keep"
    lease: Annotated[Literal["file", "kubernetes"], "where the lease is held"] = "file"
    standby: Annotated[
        bool,
        "run alongside a second trader of the bot: one acts, the other follows and takes over",
    ] = False
    lease_seconds: Annotated[
        float,
        msgspec.Meta(ge=0),
        "real seconds without a renewal after which a waiting trader takes the lease over; "
        "0: 9 with --standby, otherwise 15",
    ] = 0.0
    journal: Annotated[Literal["sqlite", "kafka"], "where the journal is written"] = "sqlite"
    kafka_ephemeral: Annotated[
        bool, "the brokers lose their data with their pods, and the journal with it"
    ] = False
    accept_data_loss: Annotated[
        bool, "trade with real money though one lost broker or pod loses the journal"
    ] = False
    report: Annotated[Literal["none", "kubernetes"], "where conditions are reported"] = "none"
    namespace: Annotated[str, "the bot's namespace in the cluster"] = ""
    pod_name: Annotated[str, "this pod's name, the lease's holder"] = ""
    generation: Annotated[int, "generation of the TradeBot that these settings come from"] = 0

    def __post_init__(self) -> None:
        """Checks settings against each other.

        Raises:
            ValueError: two settings contradict each other.
        """
        if not 0 < self.risk_fraction <= 1:
            raise ValueError(
                f"risk_fraction is {self.risk_fraction}: it must be above 0 and at most 1"
            )
        for name in ("max_daily_loss", "max_drawdown"):
            share = getattr(self, name)
            if share is not None and not 0 <= share <= 1:
                raise ValueError(f"{name} is {share}: it must be at most 1, and 0 turns it off")
        for name in ("stop_loss", "trailing_stop"):
            share = getattr(self, name)
            if not 0 <= share < 1:
                raise ValueError(f"{name} is {share}: it must be below 1, and 0 turns it off")
        if self.rest_at_venue and self.heartbeat:
            raise ValueError(
                "rest_at_venue and heartbeat exclude each other: when heartbeats stop, the venue"
                " cancels all orders of the key, the resting stop among them; use a key that does"
                " not require heartbeats"
            )
        if self.rest_at_venue and not self.stop_loss:
            raise ValueError("rest_at_venue needs a stop loss: set stop_loss above 0")
        if self.take_profit < 0:
            raise ValueError(f"take_profit is {self.take_profit}: 0 turns it off")
        position_limit(self.max_position, self.symbol)
        paper = (self.paper_maker_bps, self.paper_taker_bps)
        if (paper[0] is None) != (paper[1] is None):
            raise ValueError(
                "paper_maker_bps and paper_taker_bps go together: set both, or neither for the "
                "venue's fee table"
            )
        if self.band_min_bps > self.band_max_bps:
            raise ValueError(
                f"the band is empty: band_min_bps {self.band_min_bps} is above band_max_bps "
                f"{self.band_max_bps}; lower the first or raise the second"
            )
        if self.mode == "Live" and not (self.api_key_file and self.api_secret_file):
            raise ValueError(
                "mode Live signs orders: set --api-key-file and --api-secret-file, or use "
                "--mode Paper"
            )
        if "kubernetes" in (self.lease, self.report) and not (self.namespace and self.pod_name):
            raise ValueError("lease or report kubernetes needs --namespace and --pod-name")

    @property
    def lag_ms(self) -> int:
        """How far ahead of the venue's clock a record's time may be, ms of the venue."""
        return int(self.max_window_lag_seconds * 1000 * self.speed)

    @property
    def term_seconds(self) -> float:
        """The lease's duration: with a standby, detection and start together take at most 20 s."""
        return self.lease_seconds or (9.0 if self.standby else 15.0)

    @property
    def folder(self) -> Path:
        """The bot's own folder."""
        return self.state_dir / self.bot


def position_limit(text: str, symbol: str) -> tuple[Decimal | None, PositionUnit]:
    """The number and the unit of a maximum position; no number for "" and none.

    >>> position_limit("1.5", "BTCUSD"), position_limit("50%", "BTCUSD")
    ((Decimal('1.5'), 'base'), (Decimal('0.50'), 'equity'))
    >>> position_limit("5000 USD", "BTCUSD")
    (Decimal('5000'), 'quote')

    Raises:
        ValueError: it has none of these forms, is not above 0, or is in another currency.
    """
    if text in ("", "none"):
        return None, "base"
    found = _POSITION.fullmatch(text)
    if found is None or Decimal(found["number"]) <= 0:
        raise ValueError(
            f"max_position is {text}: use a number above 0, such as 1.5 in base currency, 50% of"
            " equity, or 5000 USD in quote currency"
        )
    number, quote = Decimal(found["number"]), split_symbol(symbol)[1]
    if found["percent"]:
        if number > 100:
            raise ValueError(f"max_position is {text}: use at most 100%")
        return number.scaleb(-2), "equity"
    if found["currency"] is None:
        return number, "base"
    if found["currency"] != quote:
        raise ValueError(f"max_position is {text}: use {quote}, the quote currency of {symbol}")
    return number, "quote"


LIVE_POSITION: Final = "50%"
LIVE_DAILY_LOSS: Final = Decimal("0.02")
LIVE_DRAWDOWN: Final = Decimal("0.10")
"""The limits of a trader of real money that sets none: a TradeBot's, whatever starts it."""


def _share(asked: Decimal | None, otherwise: Decimal | None) -> Decimal | None:
    """A limit as a fraction: what was asked for, where 0 is none, else the default."""
    return otherwise if asked is None else asked or None


def rules(settings: TraderSettings) -> Rules:
    """Returns the decision's settings.

    A window may be one window old plus the allowed lag in real seconds, in which the venue's clock
    moves `speed` times as fast.
    """
    real = settings.mode != "Paper"
    most, unit = position_limit(
        settings.max_position or (LIVE_POSITION if real else ""), settings.symbol
    )
    return Rules(
        holdings=settings.holdings,
        band_min_bps=settings.band_min_bps,
        band_max_bps=settings.band_max_bps,
        risk_fraction=settings.risk_fraction,
        min_edge_bps=settings.min_edge_bps,
        slippage_bps=settings.slippage_bps,
        collar_bps=settings.collar_bps,
        max_position=most,
        max_position_unit=unit,
        max_daily_loss=_share(settings.max_daily_loss, LIVE_DAILY_LOSS if real else None),
        max_drawdown=_share(settings.max_drawdown, LIVE_DRAWDOWN if real else None),
        cooldown_ms=settings.cooldown_seconds * 1000,
        max_orders_per_hour=settings.max_orders_per_hour,
        max_window_age_ms=WINDOW_MS + settings.lag_ms,
        max_silence_ms=int(settings.max_silence_seconds * 1000),
        max_model_age_ms=settings.max_model_age_seconds * 1000,
        require_evaluation=settings.require_evaluation,
        exits=Exits(
            stop_loss=settings.stop_loss or None,
            trailing_stop=settings.trailing_stop or None,
            take_profit=settings.take_profit or None,
            max_hold_ms=settings.max_hold_minutes * MINUTE_MS or None,
            no_signal_ms=settings.no_signal_minutes * MINUTE_MS or None,
            max_slippage_bps=settings.max_exit_slippage_bps,
            rest_at_venue=settings.rest_at_venue,
        ),
        on_breach=settings.on_breach,
        proposer=settings.proposer,
        making=making(settings),
    )
