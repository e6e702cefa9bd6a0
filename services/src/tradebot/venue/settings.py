"""Settings of every stage that connects to the venue."""

from typing import Annotated, Final, Literal

import msgspec

from tradebot.platform.settings import StageSettings

DEFAULT: Final = "gemini"
"""The venue if a setting names none."""

Environment = Literal["Emulator", "Sandbox", "Production"]


class VenueSettings(StageSettings, frozen=True, kw_only=True):
    """What a stage needs to reach the venue; only the trader has keys."""

    symbol: Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{5,12}$"), ("symbol, such as BTCUSD")] = (
        "BTCUSD"
    )
    venue: Annotated[str, "exchange: gemini, or another installed venue"] = DEFAULT
    environment: Annotated[Environment, "environment: Emulator, Sandbox or Production"] = "Emulator"
    emulator_url: Annotated[str, "address of the emulator"] = "http://127.0.0.1:8090"
