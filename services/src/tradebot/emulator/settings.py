"""Settings of the emulator."""

from typing import Annotated, Literal

import msgspec


class EmulatorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `tradebot emulator`."""

    host: Annotated[str, "address to serve on"] = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535), "port to serve on; 0 chooses a free one"] = (
        8090
    )
    symbol: Annotated[
        list[str],
        "symbols to trade, such as BTCUSD or BTCUSD,ETHUSD; the market file applies to the first",
    ] = msgspec.field(default_factory=lambda: ["BTCUSD"])
    market: Annotated[
        str, ("file of price bars (CSV, may be gzipped); default: a synthetic market")
    ] = ""
    strict: Annotated[
        bool, "reject a market file if anything in it had to be repaired, dropped or assumed"
    ] = False
    start: Annotated[
        str,
        "exchange time of the start, such as 2021-04-05T00:00; default: now for a synthetic "
        "market, well inside the file for a recorded one",
    ] = ""
    history_days: Annotated[
        int, msgspec.Meta(ge=1, le=400), "days of history before the start of a synthetic market"
    ] = 30
    price: Annotated[float, msgspec.Meta(gt=0), "first price of a synthetic market"] = 11400.0
    seed: Annotated[
        int, msgspec.Meta(ge=0), ("seed; the same seed gives the same market and faults")
    ] = 1
    speed: Annotated[
        float, msgspec.Meta(gt=0), ("speed of exchange time compared with real time")
    ] = 1.0
    events_per_second: Annotated[
        float, msgspec.Meta(gt=0), "book changes per second of exchange time"
    ] = 20.0
    max_event_rate: Annotated[
        float, msgspec.Meta(gt=0), "maximum book changes per real second, at any speed"
    ] = 300.0
    depth: Annotated[
        int,
        msgspec.Meta(ge=10, le=2000),
        "number of orders the market keeps on each side of the book",
    ] = 150
    candle_rows: Annotated[int, msgspec.Meta(ge=1), "maximum rows returned by a candle request"] = (
        10080
    )
    account: Annotated[
        Literal["demo", "report"],
        "balances to start with: demo has 100,000 USD, 10 BTC and 100 ETH; report has the original "
        "pipeline's 100,000 USD, 1,000 BTC and 20,000 each of ETH, BCH, LTC and ZEC",
    ] = "demo"
    accounts: Annotated[str, "YAML file with accounts and API keys; default: demo accounts"] = ""
    state_dir: Annotated[
        str,
        (
            "folder in which to keep accounts, orders and fills across restarts; default: they "
            "are lost"
        ),
    ] = ""
    faults: Annotated[str, "YAML file with faults to inject"] = ""
    rate_limits: Annotated[bool, "reject requests above the venue's rate limits"] = True
    price_limits: Annotated[bool, "cancel orders that would move the price by more than 5 %"] = True
    http_host: Annotated[str, "address that serves /metrics, /livez and /readyz"] = "127.0.0.1"
    http_port: Annotated[int, "port for these; 0 chooses a free one"] = 0
    log_format: Annotated[str, "text or json"] = "text"
    log_level: Annotated[str, "debug, info, warning or error"] = "info"

    def __post_init__(self) -> None:
        """Checks that the accounts come from one place.

        Raises:
            ValueError: they come from a file and by name.
        """
        if self.accounts and self.account != "demo":
            raise ValueError(
                f"account is {self.account!r}, but accounts names a file: give one of the two"
            )
