"""`tradebot strategy check`: whether a strategy is fit for live bars."""

from typing import Annotated

import click
import msgspec
from rich.console import Console

from tradebot import strategies
from tradebot.backtest import prices
from tradebot.backtest.fitting import values_of
from tradebot.backtest.settings import FlowsFile, ForecastFiles, Resolution, Strict, VolumeUnit
from tradebot.platform import settings as platform_settings
from tradebot.platform.settings import SettingsError
from tradebot.strategies.checks import determinism, lookahead, speed, warm_up
from tradebot.strategies.checks.finding import Finding
from tradebot.strategies.checks.rows import Candidate
from tradebot.strategies.interface import Bars
from tradebot.strategies.loading import LoadedStrategy

CLASS_BARS, FITTED_BARS = 1_000, 30
"""Number of newest bars on which a class is checked: it is called at each of them, many times, and
a fitted one may call a slow model each time."""


class CheckSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What to check, and on which bars."""

    strategy: Annotated[str, "path of a strategy file, or name of an installed strategy"] = ""
    data: Annotated[str, "file of bars, in any format that history reads"] = ""
    strict: Strict = False
    volume_unit: VolumeUnit = ""
    flows: FlowsFile = ""
    forecasts: ForecastFiles = ""
    resolution: Annotated[Resolution, "length of a bar"] = "1h"
    parameters: Annotated[str, "values for the strategy's parameters, as a JSON object"] = "{}"
    json: Annotated[bool, "print the result as one JSON object on the last line"] = False


def examine(loaded: LoadedStrategy, path_or_name: str, bars: Bars) -> list[Finding]:
    """Runs all checks, in the order in which to fix their findings."""
    before = None
    if loaded.is_fitted:
        if len(bars.ts) < loaded.warmup + 2:
            raise SettingsError(
                f"there are {len(bars.ts)} bars, but {loaded.name} is fitted on {loaded.warmup}: "
                "use longer data"
            )
        before, bars = bars.rows(0, loaded.warmup), bars.rows(loaded.warmup, len(bars.ts))
    newest = bars.rows(max(0, len(bars.ts) - _most(loaded)), len(bars.ts))
    candidate = Candidate(loaded, before)
    return [
        lookahead.check(candidate.rows, newest, lookahead.CUTS[loaded.is_class]),
        _warm_up(candidate, newest, loaded),
        determinism.check(candidate.rows, newest, path_or_name, loaded.parameters, before),
        speed.check(candidate, bars),
    ]


def _most(loaded: LoadedStrategy) -> int:
    """Returns how many bars are checked; a warm-up is compared on three times as many."""
    if loaded.is_fitted:
        return FITTED_BARS
    return max(CLASS_BARS if loaded.is_class else lookahead.BARS, 3 * loaded.warmup)


def _warm_up(candidate: Candidate, bars: Bars, loaded: LoadedStrategy) -> Finding:
    if loaded.is_fitted:
        text = f"fitted on the {loaded.warmup} bars before its first one, so not compared"
        return Finding(check="warm-up", passed=True, reason=text)
    return warm_up.check(candidate.rows, bars, loaded.warmup)


def _check(settings: CheckSettings) -> None:
    if not settings.strategy:
        raise SettingsError("no strategy: name one, or the path of a strategy file")
    loaded = strategies.load(settings.strategy, values_of(settings.parameters))
    console = Console(stderr=True)
    with console.status("reading prices ..."):
        bars = prices.of_settings(settings)
    with console.status(f"checking {loaded.name} ..."):
        findings = examine(loaded, settings.strategy, bars)
    passed = all(each.passed for each in findings)
    for each in findings:
        click.echo(f"{'ok  ' if each.passed else 'FAIL'} {each.check}: {each.reason}")
    if settings.json:
        content = {
            "strategy": loaded.name,
            "digest": loaded.digest,
            "warmup": loaded.warmup,
            "passed": passed,
            "checks": {each.check: each for each in findings},
        }
        click.echo(msgspec.json.encode(content).decode())
    if not passed:
        raise SystemExit(1)


command = platform_settings.command(
    CheckSettings,
    _check,
    name="check",
    summary="Checks a strategy for lookahead, warm-up, determinism and speed.",
    example="tradebot strategy check strategy.py --data prices.csv --resolution 1h",
    arguments=("strategy",),
)
