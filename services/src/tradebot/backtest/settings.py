"""What a backtest is told."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

Resolution = Literal["1m", "5m", "15m", "30m", "1h", "6h", "1d"]
VolumeUnit = Literal["", "base", "quote", "ticks"]

MINUTES: dict[Resolution, int] = {
    "1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "6h": 360, "1d": 1440
}  # fmt: skip


Step = Annotated[float, msgspec.Meta(gt=0, le=1e15)]
Amount = Annotated[float, msgspec.Meta(ge=0, le=1e15)]


class CostSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is traded in the backtest, and what trading costs."""

    symbol: Annotated[str, "what is traded, such as ETHUSD"] = ""
    venue: Annotated[
        str,
        "takes steps and smallest order of --symbol from there: gemini, or a venue that ccxt knows;"
        " if empty, the price step comes from the data's digits",
    ] = ""
    price_step: Annotated[Step | None, "prices are its multiples, in quote currency"] = None
    amount_step: Annotated[Step | None, "amounts are its multiples, in base currency"] = None
    minimum: Annotated[Amount | None, "smallest order, in base currency"] = None
    fee_bps: Annotated[
        float | None, "one fee for makers and takers, basis points; the venue's tiers if not given"
    ] = None
    spread_bps: Annotated[float, msgspec.Meta(ge=0), "between best bid and best ask"] = 1.0
    impact_bps: Annotated[
        float, msgspec.Meta(ge=0), "moves the price of an order that takes a whole bar's volume"
    ] = 0.0
    volume_share: Annotated[
        float, msgspec.Meta(gt=0), "share of a bar's volume that one order may take"
    ] = 0.25
    latency_bars: Annotated[int, msgspec.Meta(ge=1), "bars between a decision and its fill"] = 1


class BacktestSettings(CostSettings, frozen=True, kw_only=True):
    """A run of a strategy over past prices."""

    strategy: Annotated[
        str, "IndicatorLstm, SmaCross, BuyAndHold, or the path of a file with a strategy"
    ] = "IndicatorLstm"
    data: Annotated[
        str,
        "file of bars: CSV, JSON or Parquet, in any form that history knows; several, separated"
        " by commas, are a test of robustness",
    ] = ""
    strict: Annotated[
        bool, "refuse data of which anything had to be repaired, dropped or assumed"
    ] = False
    volume_unit: Annotated[
        VolumeUnit, "what the data's volumes count: base, quote or ticks; by its form if empty"
    ] = ""
    resolution: Annotated[Resolution, "length of a bar"] = "1d"
    seeds: Annotated[
        int, msgspec.Meta(ge=1), "run so many seeds, and show the spread of outcomes"
    ] = 1
    periods: Annotated[
        int,
        msgspec.Meta(ge=1),
        "run so many periods of length --to, going back, and show the spread",
    ] = 1
    to: Annotated[
        str, "how much of the data's end is tested, such as 1y, 6m, 30d; all of it if empty"
    ] = "1y"
    cash: Annotated[float, msgspec.Meta(gt=0, le=1e15), "quote currency at the start"] = 10_000.0
    risk_free_rate: Annotated[float, "a year's, as a fraction"] = 0.0
    seed: Annotated[int, "seed of a strategy that has one"] = 0
    mended: Annotated[
        bool, "IndicatorLstm: train on the days before the test alone, and scale the features"
    ] = False
    epochs: Annotated[int, msgspec.Meta(ge=1), "IndicatorLstm: passes over the data"] = 10_000
    report: Annotated[Path, "where the HTML report goes"] = Path("backtest.html")
    json: Annotated[bool, "print the result as one JSON object on the last line"] = False
