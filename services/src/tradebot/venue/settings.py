"""Where the venue is: the settings of every stage that talks to it."""

from typing import Annotated, Literal

import msgspec

from tradebot.platform.settings import StageSettings

Environment = Literal["Emulator", "Sandbox", "Production"]


class Endpoints(msgspec.Struct, frozen=True):
    """Base addresses, without a slash at the end."""

    rest: str
    websocket: str
    legacy_websocket: str


class VenueSettings(StageSettings, frozen=True, kw_only=True):
    """What a stage needs to reach the venue; keys are the trader's alone."""

    symbol: Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{5,12}$"), "such as BTCUSD"] = "BTCUSD"
    environment: Annotated[Environment, "Emulator, Sandbox or Production"] = "Emulator"
    emulator_url: Annotated[str, "the emulator's address"] = "http://127.0.0.1:8090"


def endpoints(settings: VenueSettings) -> Endpoints:
    """The addresses of the settings' environment.

    The emulator serves all interfaces on one port, the new WebSocket under `/ws`.
    Source: Gemini's documentation, introduction and sandbox pages.
    """
    if settings.environment == "Production":
        return Endpoints("https://api.gemini.com", "wss://ws.gemini.com", "wss://api.gemini.com")
    if settings.environment == "Sandbox":
        return Endpoints(
            "https://api.sandbox.gemini.com",
            "wss://ws.sandbox.gemini.com",
            "wss://api.sandbox.gemini.com",
        )
    url = settings.emulator_url.rstrip("/")
    socket = url.replace("http", "ws", 1)
    return Endpoints(url, f"{socket}/ws", socket)
