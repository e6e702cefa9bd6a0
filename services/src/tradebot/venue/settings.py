"""Where the venue is: the settings of every stage that talks to it."""

from typing import Annotated, Final, Literal

import msgspec

from tradebot.platform.settings import StageSettings

DEFAULT: Final = "gemini"
"""The venue of all settings that name none."""

Environment = Literal["Emulator", "Sandbox", "Production"]


class VenueSettings(StageSettings, frozen=True, kw_only=True):
    """What a stage needs to reach the venue; keys are the trader's alone."""

    symbol: Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{5,12}$"), ("symbol, such as BTCUSD")] = (
        "BTCUSD"
    )
    venue: Annotated[str, "exchange: gemini, or another installed venue"] = DEFAULT
    environment: Annotated[Environment, "environment: Emulator, Sandbox or Production"] = "Emulator"
    emulator_url: Annotated[str, "address of the emulator"] = "http://127.0.0.1:8090"
