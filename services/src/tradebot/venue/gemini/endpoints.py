"""Gemini's addresses, by environment."""

import msgspec

from tradebot.venue.settings import VenueSettings


class Endpoints(msgspec.Struct, frozen=True):
    """Base addresses, without a slash at the end."""

    rest: str
    websocket: str
    legacy_websocket: str


def endpoints(settings: VenueSettings) -> Endpoints:
    """Returns the addresses of the settings' environment.

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
