"""Settings of the emulator."""

from typing import Annotated

import msgspec


class EmulatorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What `tradebot emulator` takes."""

    host: Annotated[str, "address to serve on"] = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535), "port to serve on; 0 takes a free one"] = (
        8090
    )
    symbol: Annotated[
        list[str], "symbols to trade, such as BTCUSD or BTCUSD,ETHUSD; the file is for the first"
    ] = msgspec.field(default_factory=lambda: ["BTCUSD"])
    market: Annotated[str, "file of price bars (CSV, may be gzipped); generated if not given"] = ""
    strict: Annotated[
        bool, "refuse a market file of which anything had to be repaired, dropped or assumed"
    ] = False
    start: Annotated[
        str,
        "exchange time of the start, such as 2021-04-05T00:00; now for a generated market, "
        "well inside the file for a recorded one",
    ] = ""
    history_days: Annotated[
        int, msgspec.Meta(ge=1, le=400), "days of bars before the start of a generated market"
    ] = 30
    price: Annotated[float, msgspec.Meta(gt=0), "first price of a generated market"] = 11400.0
    seed: Annotated[int, msgspec.Meta(ge=0), "the same seed gives the same market and faults"] = 1
    speed: Annotated[float, msgspec.Meta(gt=0), "exchange time runs this many times as fast"] = 1.0
    events_per_second: Annotated[
        float, msgspec.Meta(gt=0), "changes of the book in one second of exchange time"
    ] = 20.0
    max_event_rate: Annotated[
        float, msgspec.Meta(gt=0), "most changes of the book in one real second, at any speed"
    ] = 300.0
    depth: Annotated[
        int, msgspec.Meta(ge=10, le=2000), "orders that the market keeps on each side of the book"
    ] = 150
    candle_rows: Annotated[int, msgspec.Meta(ge=1), "most rows that one candle request answers"] = (
        10080
    )
    accounts: Annotated[str, "YAML file of accounts and API keys; the demo's if not given"] = ""
    state_dir: Annotated[
        str, "folder that keeps accounts, orders and fills over restarts; none are kept without it"
    ] = ""
    faults: Annotated[str, "YAML file of faults to inject"] = ""
    rate_limits: Annotated[bool, "refuse requests above the venue's rates"] = True
    price_limits: Annotated[bool, "cancel what would move the price by more than 5 %"] = True
    http_host: Annotated[str, "address that serves /metrics, /livez and /readyz"] = "127.0.0.1"
    http_port: Annotated[int, "port that serves them; 0 takes a free one"] = 0
    log_format: Annotated[str, "text or json"] = "text"
    log_level: Annotated[str, "debug, info, warning or error"] = "info"
