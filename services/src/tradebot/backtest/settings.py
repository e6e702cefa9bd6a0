"""Settings of a backtest."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from tradebot.venue.execution import AfterWaiting, Execution, Reprices, WaitSeconds

Resolution = Literal["1m", "5m", "15m", "30m", "1h", "6h", "1d"]
Strict = Annotated[bool, "reject data if anything in it had to be repaired, dropped or assumed"]
VolumeUnit = Annotated[
    Literal["", "base", "quote", "ticks"],
    "unit of the data's volumes: base, quote or ticks; default: depends on its format",
]

FlowsFile = Annotated[
    str,
    "file of windows (CSV, JSON lines or Parquet) with start or window_end, bid_flow, ask_flow and"
    " complete; fills the bars' flow columns",
]
ForecastFiles = Annotated[
    str,
    "NAME=FILE for each model, separated by commas: JSON lines of forecasts, as on their topic; a"
    " forecast counts from its fitted_at",
]

MINUTES: dict[Resolution, int] = {
    "1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "6h": 360, "1d": 1440
}  # fmt: skip


Step = Annotated[float, msgspec.Meta(gt=0, le=1e15)]
Amount = Annotated[float, msgspec.Meta(ge=0, le=1e15)]


class CostSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The backtest's instrument, and its trading costs."""

    symbol: Annotated[str, "symbol to trade, such as ETHUSD"] = ""
    venue: Annotated[
        str,
        "venue whose steps and minimum order of --symbol apply: gemini, or an exchange of ccxt;"
        " default: the price step follows from the data's digits",
    ] = ""
    price_step: Annotated[Step | None, "price step, in quote currency"] = None
    amount_step: Annotated[Step | None, "amount step, in base currency"] = None
    minimum: Annotated[Amount | None, "minimum order, in base currency"] = None
    fee_bps: Annotated[
        float | None, "one fee for makers and takers, in basis points; default: the venue's tiers"
    ] = None
    spread_bps: Annotated[
        float, msgspec.Meta(ge=0), ("spread between best bid and best ask, in basis points")
    ] = 1.0
    impact_bps: Annotated[
        float,
        msgspec.Meta(ge=0),
        "price impact of an order that takes a whole bar's volume, in basis points",
    ] = 0.0
    volume_share: Annotated[
        float, msgspec.Meta(gt=0), "maximum share of a bar's volume that one order may take"
    ] = 0.25
    latency_bars: Annotated[int, msgspec.Meta(ge=1), "bars between a decision and its fill"] = 1
    execution: Execution = "Taker"
    maker_reprices: Reprices = 2
    maker_wait_seconds: WaitSeconds = 15
    maker_unfilled: AfterWaiting = "Take"


class ExitSettings(CostSettings, frozen=True, kw_only=True):
    """A market, and the exits that close a position in it; all are off by default."""

    stop_loss: Annotated[
        Decimal, "fall below the entry price that sells the position, as a fraction; 0 turns it off"
    ] = Decimal(0)
    trailing_stop: Annotated[
        Decimal,
        "fall below the highest price since the buy that sells the position, as a fraction; 0 turns"
        " it off",
    ] = Decimal(0)
    take_profit: Annotated[
        Decimal, "rise above the entry price that sells the position, as a fraction; 0 turns it off"
    ] = Decimal(0)
    max_hold_minutes: Annotated[
        int, msgspec.Meta(ge=0), "minutes after which a position is sold; 0 turns it off"
    ] = 0

    def __post_init__(self) -> None:
        """Refuses fractions that no price can reach.

        Raises:
            ValueError: with the setting's name and its bounds.
        """
        for name in ("stop_loss", "trailing_stop"):
            share = getattr(self, name)
            if not 0 <= share < 1:
                raise ValueError(f"{name} is {share}: it must be below 1, and 0 turns it off")
        if not 0 <= self.take_profit < Decimal("Infinity"):
            raise ValueError(f"take_profit is {self.take_profit}: 0 turns it off")


class BacktestSettings(ExitSettings, frozen=True, kw_only=True):
    """A run of a strategy over past prices."""

    strategy: Annotated[str, "name of an installed strategy, or path of a strategy file"] = (
        "IndicatorLstm"
    )
    data: Annotated[
        str,
        "file of bars: CSV, JSON or Parquet, in any format that history reads; several, "
        "separated by commas, test robustness",
    ] = ""
    strict: Strict = False
    volume_unit: VolumeUnit = ""
    flows: FlowsFile = ""
    forecasts: ForecastFiles = ""
    resolution: Annotated[Resolution, "length of a bar"] = "1d"
    seeds: Annotated[
        int, msgspec.Meta(ge=1), "run this many seeds and show the spread of results"
    ] = 1
    periods: Annotated[
        int,
        msgspec.Meta(ge=1),
        "run this many periods of length --to, going back, and show the spread of results",
    ] = 1
    to: Annotated[
        str, "length of the test at the end of the data, such as 1y, 6m, 30d; default: all data"
    ] = "1y"
    cash: Annotated[float, msgspec.Meta(gt=0, le=1e15), "quote currency at the start"] = 10_000.0
    risk_free_rate: Annotated[float, "a year's, as a fraction"] = 0.0
    parameters: Annotated[str, "values for the strategy's parameters, as a JSON object"] = "{}"
    seed: Annotated[int, "seed of a strategy that has one"] = 0
    mended: Annotated[
        bool,
        "IndicatorLstm: train only on the days before the test, scale the features, and use the"
        " textbook's MACD",
    ] = False
    epochs: Annotated[int, msgspec.Meta(ge=1), "IndicatorLstm: number of epochs"] = 10_000
    report: Annotated[Path, "path of the HTML report"] = Path("backtest.html")
    json: Annotated[bool, "print the result as one JSON object on the last line"] = False
