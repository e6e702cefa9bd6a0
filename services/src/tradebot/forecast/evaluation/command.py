"""`tradebot forecast evaluate`."""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import click
import msgspec

from tradebot.forecast import protocol
from tradebot.forecast.settings import StudySettings
from tradebot.platform import logs
from tradebot.platform.settings import SettingsError
from tradebot.platform.settings import command as settings_command
from tradebot.venue.port import fee_table


class EvaluateSettings(StudySettings, frozen=True, kw_only=True):
    """Which models to evaluate, on which history, and how to split it."""

    models: Annotated[list[str], "models, separated by commas; baselines are always included"] = (
        msgspec.field(default_factory=lambda: ["FastProphet"])
    )
    model_options: Annotated[
        str, 'parameters as JSON by model, such as \'{"Prophet": {"growth": "flat"}}\''
    ] = "{}"
    folds: Annotated[int, msgspec.Meta(ge=1), "tests"] = 5
    fold_minutes: Annotated[int, msgspec.Meta(ge=2), "length of a test in minutes"] = 1440
    stride_minutes: Annotated[
        int,
        msgspec.Meta(ge=1),
        "minutes between forecasts, which is also the longest horizon scored",
    ] = 60
    embargo_minutes: Annotated[
        int,
        msgspec.Meta(ge=0),
        "minutes before a test that are left out of the training of slow models",
    ] = 60
    gap_minutes: Annotated[int, msgspec.Meta(ge=0), "minutes between two tests"] = 0
    fee_bps: Annotated[
        float | None,
        msgspec.Meta(ge=0),
        "fee per trade in basis points; default: the venue's listed taker fee",
    ] = None
    edge_bps: Annotated[float, msgspec.Meta(ge=0), "forecast rise required for a buy"] = 0.0
    strict: Annotated[
        bool, "reject a history if anything in it had to be repaired, dropped or assumed"
    ] = False
    html: Annotated[str, "write the report as an HTML page to this path"] = ""
    json: Annotated[bool, "print the report as one JSON object on the last line"] = False


def _fee_bps(settings: EvaluateSettings) -> float:
    if settings.fee_bps is not None:
        return settings.fee_bps
    return float(fee_table(settings.venue).first.taker_bps)


def run(settings: EvaluateSettings) -> None:
    """Evaluates with progress on stderr, and prints the table."""
    from tradebot.forecast import sources
    from tradebot.forecast.evaluation import evaluate, page, splits, table
    from tradebot.forecast.models.baselines import Drift, SeasonalNaive
    from tradebot.history import bars

    logs.setup("evaluate")
    settings.need_history()
    options = _options(settings)
    plan = evaluate.Plan(
        folds=settings.folds,
        fold_minutes=settings.fold_minutes,
        stride_minutes=settings.stride_minutes,
        embargo_minutes=settings.embargo_minutes,
        gap_minutes=settings.gap_minutes,
        fee_bps=_fee_bps(settings),
        edge_bps=settings.edge_bps,
    )
    makers: dict[str, evaluate.Make] = {"Drift": Drift, "SeasonalNaive": SeasonalNaive}
    for name in settings.models:
        protocol.make(name, options.get(name))
        makers[name] = partial(protocol.make, name, options.get(name))
    history = bars.series(sources.load(settings, strict=settings.strict)).newest(settings.newest)
    try:
        report, walks = evaluate.evaluate(
            makers, history, plan, symbol=settings.symbol, progress=_progress
        )
    except (splits.SplitError, protocol.NotEnoughHistoryError) as error:
        raise SettingsError(str(error)) from None
    click.echo("\r\033[K" if sys.stderr.isatty() else "", err=True, nl=False)
    click.echo(table.table(report))
    if settings.html:
        page.write(Path(settings.html), report, walks)
        click.echo(f"\nreport: {settings.html}")
    if settings.json:
        click.echo(msgspec.json.encode(report).decode())


def _options(settings: EvaluateSettings) -> dict[str, dict[str, object]]:
    try:
        return msgspec.json.decode(settings.model_options, type=dict[str, dict[str, object]])
    except msgspec.DecodeError as error:
        raise SettingsError(
            f"model_options is {settings.model_options!r}: {error}; use a JSON object with one "
            "entry per model"
        ) from None


def _progress(model: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{model}: forecast {done} of {total}", err=True, nl=False)
    elif done == total:
        click.echo(f"{model}: {total} forecasts", err=True)


command = settings_command(
    EvaluateSettings,
    run,
    name="evaluate",
    summary="Evaluates models on past minutes, walking forward, and compares them with baselines.",
    example="tradebot forecast evaluate --history-file minutes.csv --models FastProphet,Lstm",
)
