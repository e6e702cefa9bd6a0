"""`tradebot forecast plot`."""

from pathlib import Path
from typing import Annotated

import click
import msgspec

from tradebot.forecast import protocol
from tradebot.forecast.settings import StudySettings
from tradebot.platform import logs
from tradebot.platform.settings import SettingsError
from tradebot.platform.settings import command as settings_command


class PlotSettings(StudySettings, frozen=True, kw_only=True):
    """Which model to plot, on which history, into which folder."""

    model: Annotated[str, "model to plot"] = "FastProphet"
    model_options: Annotated[str, "the model's own parameters as JSON"] = "{}"
    held_out_minutes: Annotated[
        int, msgspec.Meta(ge=2), "last minutes, which are forecast and not used for training"
    ] = 1440
    shown_minutes: Annotated[int, msgspec.Meta(ge=1), "minutes shown before them"] = 4320
    strict: Annotated[
        bool, "reject a history if anything in it had to be repaired, dropped or assumed"
    ] = False
    out: Annotated[str, "folder for the page and the images"] = "plots"


def run(settings: PlotSettings) -> None:
    """Fits, draws, and prints the files' names."""
    from tradebot.forecast import sources
    from tradebot.forecast.plot import draw, predictions
    from tradebot.history import bars

    logs.setup("plot")
    settings.need_history()
    try:
        options = msgspec.json.decode(settings.model_options, type=dict[str, object])
    except msgspec.DecodeError as error:
        raise SettingsError(f"model_options is {settings.model_options!r}: {error}") from None
    model = protocol.make(settings.model, options)
    history = bars.series(sources.load(settings, strict=settings.strict)).newest(settings.newest)
    if len(history) <= settings.held_out_minutes + 10:
        raise SettingsError(
            f"{len(history)} minutes are too few to hold out {settings.held_out_minutes}: use a "
            "longer history, or fewer --held-out-minutes"
        )
    try:
        drawn = predictions.predictions_of(
            model,
            settings.symbol,
            history,
            held_out=settings.held_out_minutes,
            shown=settings.shown_minutes,
        )
    except protocol.NotEnoughHistoryError as error:
        raise SettingsError(str(error)) from None
    for path in draw.write(Path(settings.out), drawn, predictions.components(model)):
        click.echo(str(path))


command = settings_command(
    PlotSettings,
    run,
    name="plot",
    summary="Plots a model: forecast, components, fitted and actual prices.",
    example="tradebot forecast plot --history-file minutes.csv --model FastProphet --out plots",
)
