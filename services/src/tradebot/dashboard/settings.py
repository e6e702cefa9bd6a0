"""Settings of the dashboard."""

from typing import Annotated

import msgspec

from tradebot.platform.store import StoreSettings
from tradebot.venue.settings import Environment

Symbol = Annotated[
    str, msgspec.Meta(pattern="^[A-Z0-9]{5,12}$"), ("symbol shown first, such as BTCUSD")
]


class DashboardSettings(StoreSettings, frozen=True, kw_only=True):
    """Settings of the page."""

    host: Annotated[str, "address that serves the page"] = "127.0.0.1"
    port: Annotated[
        int, msgspec.Meta(ge=0, le=65535), "port that serves the page; 0 chooses a free one"
    ] = 8080
    allowed_hosts: Annotated[
        tuple[str, ...],
        "names, separated by commas, by which browsers open the page, such as that of a reverse"
        " proxy; addresses, localhost and names in the cluster are always allowed",
    ] = ()
    symbol: Symbol = "BTCUSD"
    environment: Annotated[
        Environment, ("venue environment shown: Emulator, Sandbox or Production")
    ] = "Emulator"
    stages: Annotated[
        tuple[str, ...],
        "stages whose readiness is shown, name=URL of their health port, separated by commas",
    ] = ()

    def __post_init__(self) -> None:
        """Checks that stages are written `name=URL`."""
        for stage in self.stages:
            name, separator, url = stage.partition("=")
            if not (name and separator and url.startswith("http")):
                raise ValueError(
                    f"stages has {stage!r}: use name=URL for each, such as "
                    "ingest=http://127.0.0.1:9101"
                )
