"""Settings of the strategy stage."""

from typing import Annotated, Any, Final, Literal, get_args

import msgspec

from tradebot.platform.settings import StageSettings
from tradebot.records import FORECASTER

Resolution = Literal["1m", "5m", "15m", "30m", "1h", "6h", "1d"]

STEPS: Final[dict[Resolution, int]] = {
    name: minutes * 60_000
    for name, minutes in zip(get_args(Resolution), (1, 5, 15, 30, 60, 360, 1440), strict=True)
}
"""Milliseconds of a bar."""


class StrategySettings(StageSettings, frozen=True, kw_only=True):
    """Which strategy runs, on which bars, and the limits of its process."""

    strategy: Annotated[str, "strategy: an installed name, or the path of a .py file"]
    symbol: Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{5,12}$"), "symbol, such as BTCUSD"] = (
        "BTCUSD"
    )
    resolution: Annotated[Resolution, "length of a bar"] = "1h"
    parameters: Annotated[
        str, "the strategy's parameters as a JSON object, such as '{\"fast\": 12}'"
    ] = "{}"
    proposer: Annotated[
        str,
        msgspec.Meta(pattern=FORECASTER),
        "name under which proposals are published; set the same --proposer on the traders that "
        "follow them; default: --bot",
    ] = ""
    bot: Annotated[
        str,
        msgspec.Meta(pattern="^[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?$"),
        "bot whose account a strategy class sees; a strategy of arrays sees none",
    ] = "btc"
    max_bars: Annotated[
        int, msgspec.Meta(ge=100, le=1_000_000), "newest bars that the strategy sees"
    ] = 10_000
    start_seconds: Annotated[
        float, msgspec.Meta(gt=0), "real seconds that the strategy has to start and to warm up"
    ] = 60.0
    bar_seconds: Annotated[
        float, msgspec.Meta(gt=0), "real seconds that the strategy has for one bar"
    ] = 5.0
    memory_mb: Annotated[
        int, msgspec.Meta(ge=64), "memory that the strategy's process may use, in MiB"
    ] = 1024

    def __post_init__(self) -> None:
        """Raises ValueError if the parameters are not a JSON object, or no strategy is named."""
        if not self.strategy:
            raise ValueError("strategy is empty: set --strategy to an installed name or a .py file")
        try:
            found = msgspec.json.decode(self.parameters or "{}")
        except msgspec.DecodeError as error:
            raise ValueError(f"parameters is {self.parameters!r}: {error}") from None
        if not isinstance(found, dict):
            raise ValueError(
                f"parameters is {self.parameters!r}: use a JSON object such as '{{\"fast\": 12}}'"
            )

    @property
    def values(self) -> dict[str, Any]:
        """The strategy's parameters."""
        values: dict[str, Any] = msgspec.json.decode(self.parameters or "{}")
        return values

    @property
    def key(self) -> str:
        """The key of its proposals."""
        return self.proposer or self.bot
