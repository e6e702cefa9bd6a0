"""The TradeBot as the operator reads it. The schema in the chart has defaults and bounds."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from tradebot_operator.pods import Trouble
from tradebot_operator.settings import Environment
from tradebot_operator.strategy_code import Code

GROUP = "tradebot.dev"
VERSION = "v1alpha1"
PLURAL = "tradebots"
KIND = "TradeBot"
API_VERSION = f"{GROUP}/{VERSION}"
REPORT = "Report"
FLATTEN_FINALIZER = f"{GROUP}/flatten"
RESTART_ANNOTATION = f"{GROUP}/restart"
"""On a TradeBot with updatePolicy Manual: the generation that a person lets take effect."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class Venue(_Part, frozen=True, kw_only=True):
    """Where the bot trades, and the Secret of its keys, if it has any."""

    name: str = "gemini"
    environment: Environment = "Emulator"
    credentials_secret: str = ""
    heartbeat: bool = False
    nonce: Literal["Increasing", "TimeBased"] = "Increasing"
    reconcile_seconds: int = 120


class Band(_Part, frozen=True, kw_only=True):
    """The ratios in which a buy is allowed, in basis points."""

    min_bps: int = 5000
    max_bps: int = 20000


class Claim(_Part, frozen=True, kw_only=True):
    """A file on a PersistentVolumeClaim."""

    name: str
    path: str


class History(_Part, frozen=True, kw_only=True):
    """Where the first prices come from."""

    source: Literal["Venue", "Url", "Claim"] = "Venue"
    url: str = ""
    claim: Claim | None = None


class Retrain(_Part, frozen=True, kw_only=True):
    """How often a model is trained, and on how much of the newest history, such as 30d."""

    every_hours: int
    window: str


class Forecast(_Part, frozen=True, kw_only=True):
    """The model, its own options, how it is trained and evaluated, and its times in minutes."""

    model: str = "FastProphet"
    model_options: dict[str, Any] = {}
    horizon_minutes: int = 1440
    refit_minutes: int = 1
    min_edge_bps: int = 0
    history: History = History()
    train_minutes: int = 1440
    max_rows: int = 0
    evaluate_folds: int = 3
    evaluate_minutes: int = 1440
    require_evaluation: bool = True
    retrain: Retrain | None = None


class StrategyFile(_Part, frozen=True, kw_only=True):
    """A strategy's code in a ConfigMap."""

    config_map: str
    key: str = "strategy.py"


class Strategy(_Part, frozen=True, kw_only=True):
    """What decides: an installed strategy, or a file; `Report` is the trader's own rule."""

    name: str = ""
    file: StrategyFile | None = None
    resolution: str = "1h"
    parameters: dict[str, int | str] = {}
    max_bars: int = 10_000
    start_seconds: int = 60
    bar_seconds: int = 5
    memory: int = msgspec.field(default=1024, name="memoryMiB")
    wait_ms: int = 2000

    @property
    def in_trader(self) -> bool:
        """Whether the trader decides by itself, without a strategy stage."""
        return self.name == REPORT

    @property
    def label(self) -> str:
        """The strategy in a word, for people: its name, or the ConfigMap and its key."""
        return f"{self.file.config_map}/{self.file.key}" if self.file else self.name


class Limits(_Part, frozen=True, kw_only=True):
    """The loss limits; fractions and amounts are decimal strings."""

    max_position: str = "50%"
    max_daily_loss: str = "0.02"
    max_drawdown: str = "0.10"
    cooldown_seconds: int = 60
    max_orders_per_hour: int = 30
    on_breach: Literal["ReduceOnly", "Flatten", "Hold"] = "ReduceOnly"


class Exits(_Part, frozen=True, kw_only=True):
    """The exits of a position; fractions are decimal strings, and 0 turns a policy off."""

    stop_loss: str = "0.05"
    trailing_stop: str = "0"
    take_profit: str = "0"
    max_hold_minutes: int = 0
    no_signal_minutes: int = 0
    max_exit_slippage_bps: int = 500
    rest_at_venue: bool = False
    watch_seconds: int = 5


class Maker(_Part, frozen=True, kw_only=True):
    """How an order waits where execution is Maker."""

    reprices: int = 2
    wait_seconds: int = 15
    unfilled: Literal["Take", "GiveUp"] = "Take"


class Orders(_Part, frozen=True, kw_only=True):
    """How orders are priced, in basis points."""

    slippage_bps: int = 10
    collar_bps: int = 100


class Freshness(_Part, frozen=True, kw_only=True):
    """How old the data may be on which the bot buys."""

    max_window_lag_seconds: int = 10
    max_silence_seconds: int = 10
    max_model_age_seconds: int = 3600


class PaperFees(_Part, frozen=True, kw_only=True):
    """Fixed fees in basis points, decimal strings."""

    maker_bps: str
    taker_bps: str


class Paper(_Part, frozen=True, kw_only=True):
    """The simulated account; without fees, the venue's table applies."""

    quote: str = "100000"
    base: str = "0"
    latency_ms: int = 100
    fees: PaperFees | None = None


class StagePod(_Part, frozen=True, kw_only=True):
    """The pod of one of the bot's stages, over the release's settings."""

    log_level: str = ""
    resources: dict[str, dict[str, int | str]] = {}


class Stages(_Part, frozen=True, kw_only=True):
    """The pods of the stages that can be the bot's own."""

    forecast: StagePod = StagePod()
    strategy: StagePod = StagePod()
    trader: StagePod = StagePod()


class Spec(_Part, frozen=True, kw_only=True):
    """What the user requested."""

    symbol: str
    mode: Literal["Paper", "Live", "Paused"] = "Paper"
    venue: Venue = Venue()
    holdings: Literal["Own", "All"] = "Own"
    risk_fraction: str = "0.05"
    liquidity_band: Band = Band()
    strategy: Strategy = Strategy(name=REPORT)
    forecast: Forecast = Forecast()
    limits: Limits = Limits()
    execution: Literal["Taker", "Maker"] = "Taker"
    maker: Maker = Maker()
    exits: Exits = Exits()
    orders: Orders = Orders()
    freshness: Freshness = Freshness()
    paper: Paper = Paper()
    stages: Stages = Stages()
    standby: bool = False
    accept_data_loss: bool = False
    deletion_policy: Literal["Keep", "Flatten"] = "Keep"
    update_policy: Literal["Auto", "Manual"] = "Auto"


class Condition(_Part, frozen=True, kw_only=True):
    """One condition of the status."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    last_transition_time: str = ""
    observed_generation: int = 0


class Applied(_Part, frozen=True, kw_only=True):
    """The spec that the stages of a bot with updatePolicy Manual run, and its generation."""

    generation: int
    spec: dict[str, Any]


class TradeBot(msgspec.Struct, frozen=True, kw_only=True):
    """One TradeBot. `deleted_at` is the time of the deletion request.

    `spec` is what the stages run. With updatePolicy Manual that may be an earlier one, which the
    status keeps as `applied`; `waiting` is then the newest, and `shown_applied` the generation in
    the status. `code` describes the strategy's file in its ConfigMap, and `code_trouble` why there
    is none.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    created_at: str
    spec: Spec
    deleted_at: datetime | None = None
    finalizers: tuple[str, ...] = ()
    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    shown_strategy: str = ""
    waiting: Spec | None = None
    applied: Applied | None = None
    shown_applied: int = 0
    code: Code | None = None
    code_trouble: Trouble | None = None

    def condition(self, kind: str) -> Condition | None:
        """Returns the condition of that type, if it was ever reported."""
        return next((item for item in self.conditions if item.type == kind), None)

    @property
    def reference(self) -> dict[str, Any]:
        """Returns an owner reference to it, without its controller flag."""
        return {"apiVersion": API_VERSION, "kind": KIND, "name": self.name, "uid": self.uid}


def parse(body: dict[str, Any]) -> TradeBot:
    """Parses an API object.

    Raises:
        msgspec.ValidationError: it is not a TradeBot, such as after an incompatible schema change.
    """
    metadata, status = body["metadata"], body.get("status") or {}
    deleted_at = metadata.get("deletionTimestamp")
    spec, waiting, applied = _in_force(body)
    return TradeBot(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        created_at=metadata["creationTimestamp"],
        deleted_at=datetime.fromisoformat(deleted_at) if deleted_at else None,
        finalizers=tuple(metadata.get("finalizers", ())),
        spec=spec,
        waiting=waiting,
        applied=applied,
        shown_applied=status.get("applied", {}).get("generation", 0),
        observed_generation=status.get("observedGeneration", 0),
        conditions=msgspec.convert(status.get("conditions", ()), tuple[Condition, ...]),
        shown_strategy=status.get("strategy", ""),
    )


def _in_force(body: dict[str, Any]) -> tuple[Spec, Spec | None, Applied | None]:
    """Returns the spec that the stages run, one that waits for a restart, and the status's copy.

    Deletion and update policy are no stage's: their edits never wait.
    """
    newest, generation = msgspec.convert(body["spec"], Spec), body["metadata"].get("generation", 0)
    if newest.update_policy == "Auto":
        return newest, None, None
    shown = (body.get("status") or {}).get("applied")
    if shown is None or max(shown["generation"], _asked_for(body)) >= generation:
        return newest, None, Applied(generation=generation, spec=dict(body["spec"]))
    applied = msgspec.convert(shown, Applied)
    running = msgspec.structs.replace(
        msgspec.convert(applied.spec, Spec),
        update_policy=newest.update_policy,
        deletion_policy=newest.deletion_policy,
    )
    return running, None if running == newest else newest, applied


def _asked_for(body: dict[str, Any]) -> int:
    """Returns the generation that a person asked to restart with; 0 if none or not a number."""
    text = body["metadata"].get("annotations", {}).get(RESTART_ANNOTATION, "")
    return int(text) if text.isdecimal() and len(text) < 19 else 0
