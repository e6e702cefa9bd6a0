"""Settings of the demo, all with working defaults."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from tradebot.venue.execution import Execution


class DemoSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The whole line on one machine."""

    symbol: Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{5,12}$"), "symbol to trade"] = "BTCUSD"
    market: Annotated[str, "file of minute bars to replay; default: a synthetic market"] = ""
    seed: Annotated[int, "seed of the synthetic market"] = 7
    speed: Annotated[
        float, msgspec.Meta(gt=0, le=600), "speed of exchange time compared with real time"
    ] = 30.0
    model: Annotated[str, "name of an installed forecaster"] = "FastProphet"
    strategy: Annotated[
        str,
        "strategy to trade by: an installed name, or the path of a .py file; default: the report's "
        "rule",
    ] = ""
    resolution: Annotated[
        Literal["1m", "5m", "15m", "30m", "1h", "6h", "1d"], "length of the strategy's bars"
    ] = "1m"
    parameters: Annotated[
        str, "the strategy's parameters as a JSON object, such as '{\"fast\": 12}'"
    ] = "{}"
    execution: Execution = "Taker"
    port: Annotated[
        int, msgspec.Meta(ge=0, le=65535), ("port of the dashboard; 0 chooses a free one")
    ] = 8080
    kafka: Annotated[str, "Kafka broker, host:port; default: one inside the demo"] = ""
    elasticsearch: Annotated[str, "Elasticsearch URL for documents; default: SQLite"] = ""
    state_dir: Annotated[
        Path, ("folder for the demo's files; replaces those of an earlier demo")
    ] = Path("state/demo")
    for_: Annotated[
        float, msgspec.Meta(ge=0), "stop after this many seconds; 0 runs until Ctrl-C"
    ] = 0.0
    json: Annotated[bool, "print a summary as one JSON object on the last line"] = False
    open_: Annotated[bool, "open the dashboard in the browser if there is one"] = True
    faults: Annotated[str, "file with faults for the emulator"] = ""
