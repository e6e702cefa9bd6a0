"""Runs a strategy in the suitable engine, and compares it with buy-and-hold."""

import msgspec
from msgspec.structs import replace

from tradebot.backtest.costs import Costs, Tier, flat, listed
from tradebot.backtest.engines import compiled, event
from tradebot.backtest.engines.compiled import OFF
from tradebot.backtest.metrics import Metrics, Trip
from tradebot.backtest.outcome import judge, trips
from tradebot.backtest.result import Result
from tradebot.backtest.settings import CostSettings, ExitSettings
from tradebot.domain.instrument import Instrument
from tradebot.domain.situation import Exits
from tradebot.history.arrays import MINUTE
from tradebot.strategies import buy_and_hold
from tradebot.strategies.interface import Bars, Signals, Strategy
from tradebot.venue.execution import making
from tradebot.venue.port import venue_names
from tradebot.venue.settings import DEFAULT


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy's run over `bars`, its trips and table, and those of buying and holding."""

    bars: Bars
    cash: float
    result: Result
    trips: list[Trip]
    metrics: Metrics
    held: Result
    held_metrics: Metrics


def costs_of(settings: CostSettings, traded: Instrument) -> Costs:
    """Returns the settings' costs, on the steps of the instrument."""
    return Costs(
        tiers=_fees(settings),
        spread_bps=settings.spread_bps,
        impact_bps=settings.impact_bps,
        volume_share=settings.volume_share,
        latency_bars=settings.latency_bars,
        price_step=float(traded.price_step),
        amount_step=float(traded.amount_step),
        minimum=float(traded.minimum),
        making=making(settings),
    )


def _fees(settings: CostSettings) -> tuple[Tier, ...]:
    """Returns one fee, or the venue's table; Gemini's for a ccxt venue, which has none."""
    if settings.fee_bps is not None:
        return flat(settings.fee_bps)
    return listed(settings.venue if settings.venue in venue_names() else DEFAULT)


def exits_of(settings: ExitSettings) -> Exits:
    """Returns the settings' exits; 0 turns one off."""
    return Exits(
        stop_loss=settings.stop_loss or None,
        trailing_stop=settings.trailing_stop or None,
        take_profit=settings.take_profit or None,
        max_hold_ms=settings.max_hold_minutes * MINUTE or None,
    )


def execute(
    bars: Bars, strategy: Strategy | Signals, costs: Costs, cash: float, exits: Exits = OFF
) -> Result:
    """Uses the event engine for a class, the compiled one for a function of arrays."""
    if isinstance(strategy, Strategy):
        return event.run(bars, strategy, costs, cash, exits)
    return compiled.run(bars, strategy(bars), costs, cash, exits)


def run(
    bars: Bars,
    strategy: Strategy | Signals,
    costs: Costs,
    *,
    cash: float,
    exits: Exits = OFF,
    risk_free_rate: float = 0.0,
) -> Run:
    """Runs and judges; buying and holding has no exits, and its order takes at once."""
    result = execute(bars, strategy, costs, cash, exits)
    held = execute(bars, buy_and_hold.signals, replace(costs, making=None), cash)
    resample = max(86_400.0, bars.step / 1000)
    return Run(
        bars=bars,
        cash=cash,
        result=result,
        trips=trips(bars, result),
        metrics=judge(
            bars, result, cash=cash, risk_free_rate=risk_free_rate, resample_seconds=resample
        ),
        held=held,
        held_metrics=judge(
            bars, held, cash=cash, risk_free_rate=risk_free_rate, resample_seconds=resample
        ),
    )
