"""Settings of the forecast stage."""

from pathlib import Path
from typing import Annotated, Literal, Protocol

import msgspec

from tradebot.platform.settings import SettingsError
from tradebot.records import FORECASTER, MODEL
from tradebot.venue.settings import Environment, VenueSettings

HistorySource = Literal["Venue", "Url", "Claim"]


class HistoryPlace(Protocol):
    """Where minutes of a symbol are had from."""

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
        """Folder of what the bot recorded, or none."""
        ...


class ForecastSettings(VenueSettings, frozen=True, kw_only=True):
    """What the stage forecasts, by which model, from which history."""

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
        "name under which this stage publishes, where a symbol has several stages of one model;"
        " the trader that is to follow it takes the same",
    ] = ""
    horizon_minutes: Annotated[
        int, msgspec.Meta(ge=2, le=10_080), "minutes that a forecast covers"
    ] = 1440
    refit_minutes: Annotated[
        int, msgspec.Meta(ge=1), "minutes of exchange time between two forecasts"
    ] = 1
    train_minutes: Annotated[
        int,
        msgspec.Meta(ge=1),
        "minutes of exchange time after which a model that learns slowly (an LSTM) is trained"
        " anew; between two trainings it forecasts from the newest minutes",
    ] = 1440
    history_source: Annotated[
        HistorySource, "Venue (its candles), Url (history_file is an address) or Claim (a path)"
    ] = "Venue"
    history_file: Annotated[
        str, "CSV or Parquet of past minutes, or a folder of them; an address for Url"
    ] = ""
    max_rows: Annotated[
        int, msgspec.Meta(ge=0), "newest minutes kept in memory; 0 lets the model say"
    ] = 0
    evaluate_folds: Annotated[
        int,
        msgspec.Meta(ge=0, le=50),
        "spans of the newest history on which the model is evaluated before it may be traded on;"
        " 0 publishes forecasts marked as not evaluated",
    ] = 3
    evaluate_minutes: Annotated[
        int, msgspec.Meta(ge=1), "minutes of exchange time after which it is evaluated anew"
    ] = 1440
    state_dir: Annotated[
        str, "folder that keeps recorded minutes and the last model between runs; empty keeps none"
    ] = ""

    def __post_init__(self) -> None:
        """Raises ValueError: a source needs a file and none is named, or the options are no JSON
        object."""
        if self.history_source != "Venue" and not self.history_file:
            raise ValueError(
                f"history_source is {self.history_source} and history_file is empty: name the"
                " file by --history-file, or take the venue's candles by --history-source Venue"
            )
        try:
            options = msgspec.json.decode(self.model_options or "{}")
        except msgspec.DecodeError as error:
            raise ValueError(f"model_options is {self.model_options!r}: {error}") from None
        if not isinstance(options, dict):
            raise ValueError(
                f"model_options is {self.model_options!r}: give a JSON object such as"
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
        """The folder that is kept between runs, or none."""
        return Path(self.state_dir) / "forecast" if self.state_dir else None


class StudySettings(msgspec.Struct, frozen=True, kw_only=True):
    """The history that a study of models (evaluate, plot) is made on: a `HistoryPlace`."""

    symbol: Annotated[str, "such as BTCUSD"] = "BTCUSD"
    history_source: Annotated[HistorySource, "Venue, Url or Claim"] = "Claim"
    history_file: Annotated[str, "CSV or Parquet of past minutes, a folder, or an address"] = ""
    venue: Annotated[str, "gemini, or another installed venue, for Venue"] = "gemini"
    environment: Annotated[Environment, "Emulator, Sandbox or Production, for Venue"] = "Emulator"
    emulator_url: Annotated[str, "the emulator's address"] = "http://127.0.0.1:8090"
    state_dir: Annotated[str, "folder of what a bot recorded"] = ""
    newest: Annotated[int, msgspec.Meta(ge=0), "newest minutes that are used; 0 uses all"] = 0

    def need_history(self) -> None:
        """Finds a missing file before anything is loaded.

        Raises:
            SettingsError: the source needs a file and none is named.
        """
        if self.history_source != "Venue" and not self.history_file:
            raise SettingsError(
                "history_file is empty: name a CSV or Parquet file by --history-file"
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
        """The folder of what the stage recorded, or none."""
        return Path(self.state_dir) / "forecast" if self.state_dir else None
