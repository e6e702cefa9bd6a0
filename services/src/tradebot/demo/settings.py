"""Settings of the demo: what a person would want to vary, all with defaults that work."""

from pathlib import Path
from typing import Annotated

import msgspec


class DemoSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The whole line on one machine."""

    symbol: Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{5,12}$"), "what is traded"] = "BTCUSD"
    market: Annotated[str, "file of minute bars to replay; a seeded market if not given"] = ""
    seed: Annotated[int, "seed of that market"] = 7
    speed: Annotated[
        float, msgspec.Meta(gt=0, le=600), "exchange time runs this many times as fast"
    ] = 30.0
    model: Annotated[str, "the name of any installed forecaster"] = "FastProphet"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535), "port of the page; 0 takes a free one"] = (
        8080
    )
    kafka: Annotated[str, "a Kafka broker to use, host:port; one inside the demo if not given"] = ""
    elasticsearch: Annotated[str, "store documents there, a URL; in SQLite if not given"] = ""
    state_dir: Annotated[Path, "folder of the run's files; an earlier demo's are replaced"] = Path(
        "state/demo"
    )
    for_: Annotated[
        float, msgspec.Meta(ge=0), "end by itself after so many seconds; 0 waits for Ctrl-C"
    ] = 0.0
    json: Annotated[bool, "print what happened as one JSON object on the last line"] = False
    open_: Annotated[bool, "open the page in the browser, where there is one"] = True
    faults: Annotated[str, "file of faults for the emulator"] = ""
