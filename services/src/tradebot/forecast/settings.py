"""Settings of the forecast stage."""

from pathlib import Path
from typing import Annotated, Literal, Protocol

import msgspec

from tradebot.platform.settings import SettingsError
from tradebot.records import FORECASTER, MODEL
from tradebot.venue.settings import Environment, VenueSettings

HistorySource = Literal["Venue", "Url", "Claim"]


class HistoryPlace(Protocol):
    """Where a symbol's minutes come from."""

    @property
    def symbol(self) -> str:
        """Such as BTCUSD."""
        ...

    @property
    def history_source(self) -> HistorySource:
        """Venue, Url or Claim."""
        ...

    @property
    def history_file(self) -> str:
        """Path or address of a file, for Claim and Url."""
        ...

    @property
    def venue_settings(self) -> VenueSettings:
        """Which venue, and where, for Venue."""
        ...

    @property
    def state(self) -> Path | None:
        """Folder of what the bot recorded, or `None`."""
        ...


class ForecastSettings(VenueSettings, frozen=True, kw_only=True):
    """What the stage forecasts, with which model, from which history."""

    model: Annotated[
        str,
        msgspec.Meta(pattern=MODEL),
        "FastProphet, Prophet, Lstm, YearLstm, IndicatorLstm, or any installed forecaster",
    ] = "FastProphet"
    model_options: Annotated[
        str, 'the model\'s own parameters as JSON, such as \'{"growth": "flat"}\''
    ] = "{}"
    forecaster: Annotated[
        str,
        msgspec.Meta(pattern=FORECASTER),
        "name of this forecaster, if a symbol has several stages with one model; set the same "
        "name on the trader that follows it",
    ] = ""
    horizon_minutes: Annotated[
        int, msgspec.Meta(ge=2, le=10_080), "minutes that a forecast looks ahead"
    ] = 1440
    refit_minutes: Annotated[
        int, msgspec.Meta(ge=1), "minutes of exchange time between two forecasts"
    ] = 1
    train_minutes: Annotated[
        int,
        msgspec.Meta(ge=1),
        "minutes of exchange time between two trainings of a slow model (an LSTM); in between "
        "it forecasts from the newest minutes",
    ] = 1440
    retrain_hours: Annotated[
        int,
        msgspec.Meta(ge=0, le=8760),
        "hours of exchange time between two trainings; a new model is used only if it is not worse "
        "than the old one on the same hold-out; 0 fits the model at each forecast",
    ] = 0
    retrain_window: Annotated[
        str,
        msgspec.Meta(pattern="^([1-9][0-9]{0,5}[mhd])?$"),
        "newest history that a training learns from, such as 30d or 72h; with --retrain-hours",
    ] = ""
    model_store: Annotated[
        Literal["folder", "topic"],
        "where models trained at intervals are kept: folder (in state_dir) or topic (`models`)",
    ] = "folder"
    history_source: Annotated[
        HistorySource,
        "Venue (its candles), Url (history_file is a URL) or Claim (history_file is a path)",
    ] = "Venue"
    history_file: Annotated[
        str, "CSV or Parquet file of past minutes, or a folder of them; a URL for Url"
    ] = ""
    max_rows: Annotated[
        int, msgspec.Meta(ge=0), "newest minutes to keep in memory; 0 uses the model's default"
    ] = 0
    evaluate_folds: Annotated[
        int,
        msgspec.Meta(ge=0, le=50),
        "number of tests on the newest history with which the model is evaluated; 0 publishes "
        "forecasts marked as not evaluated",
    ] = 3
    evaluate_minutes: Annotated[
        int, msgspec.Meta(ge=1), "minutes of exchange time between two evaluations"
    ] = 1440
    state_dir: Annotated[
        str,
        (
            "folder in which to keep recorded minutes and the last model between runs; "
            "default: none are kept"
        ),
    ] = ""

    def __post_init__(self) -> None:
        """Raises ValueError if a source needs a file and none is named, or if the options are not a
        JSON object."""
        if self.history_source != "Venue" and not self.history_file:
            raise ValueError(
                f"history_source is {self.history_source} and history_file is empty: set the "
                "file with --history-file, or use the venue's candles with --history-source "
                "Venue"
            )
        if bool(self.retrain_hours) != bool(self.retrain_window):
            raise ValueError(
                "retrain_hours and retrain_window need each other: set both, such as "
                "--retrain-hours 24 --retrain-window 30d, or neither"
            )
        try:
            options = msgspec.json.decode(self.model_options or "{}")
        except msgspec.DecodeError as error:
            raise ValueError(f"model_options is {self.model_options!r}: {error}") from None
        if not isinstance(options, dict):
            raise ValueError(
                f"model_options is {self.model_options!r}: use a JSON object such as"
                ' \'{"growth": "flat"}\''
            )

    @property
    def options(self) -> dict[str, object]:
        """The model's own parameters."""
        options: dict[str, object] = msgspec.json.decode(self.model_options or "{}")
        return options

    @property
    def venue_settings(self) -> VenueSettings:
        """Its own."""
        return self

    @property
    def state(self) -> Path | None:
        """The folder kept between runs, or `None`."""
        return Path(self.state_dir) / "forecast" if self.state_dir else None


class StudySettings(msgspec.Struct, frozen=True, kw_only=True):
    """The history for a study of models (evaluate, plot): a `HistoryPlace`."""

    symbol: Annotated[str, "symbol, such as BTCUSD"] = "BTCUSD"
    history_source: Annotated[HistorySource, "source: Venue, Url or Claim"] = "Claim"
    history_file: Annotated[str, "CSV or Parquet file of past minutes, a folder, or a URL"] = ""
    venue: Annotated[str, "venue for source Venue: gemini, or another installed venue"] = "gemini"
    environment: Annotated[
        Environment, ("environment for source Venue: Emulator, Sandbox or Production")
    ] = "Emulator"
    emulator_url: Annotated[str, "address of the emulator"] = "http://127.0.0.1:8090"
    state_dir: Annotated[str, "folder with the minutes that a bot recorded"] = ""
    newest: Annotated[int, msgspec.Meta(ge=0), "newest minutes to use; 0 uses all"] = 0

    def need_history(self) -> None:
        """Checks that a required file is named, before anything is loaded.

        Raises:
            SettingsError: the source needs a file and none is named.
        """
        if self.history_source != "Venue" and not self.history_file:
            raise SettingsError(
                "history_file is empty: set a CSV or Parquet file with --history-file"
            )

    @property
    def venue_settings(self) -> VenueSettings:
        """Which venue, and where."""
        return VenueSettings(
            symbol=self.symbol,
            venue=self.venue,
            environment=self.environment,
            emulator_url=self.emulator_url,
        )

    @property
    def state(self) -> Path | None:
        """The folder of what the stage recorded, or `None`."""
        return Path(self.state_dir) / "forecast" if self.state_dir else None
