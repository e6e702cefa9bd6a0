"""Settings of the liquidity stage."""

from typing import Annotated

import msgspec

from tradebot.platform.settings import StageSettings


class LiquiditySettings(StageSettings, frozen=True, kw_only=True):
    """Settings of the liquidity stage; times of windows are the venue's, not the machine's."""

    group: Annotated[str, "consumer group; its members share the partitions"] = "liquidity"
    symbol: Annotated[str, "symbol of records that name none, neither in a field nor a key"] = ""
    worker_id: Annotated[
        str, "unique name of this worker in the group: a restarted worker continues at once"
    ] = ""
    window_seconds: Annotated[
        int, msgspec.Meta(ge=1, le=86_400), ("length of a window, in seconds")
    ] = 60
    grace_ms: Annotated[
        int,
        msgspec.Meta(ge=0),
        "how long after its end a window waits for out-of-order records, in ms",
    ] = 1000
    silence_seconds: Annotated[
        float,
        msgspec.Meta(gt=0),
        "silence after a window's end, in seconds, that makes the window incomplete",
    ] = 10.0
    session_seconds: Annotated[
        float,
        msgspec.Meta(ge=6, le=60),
        "seconds without a heartbeat after which a worker loses its partitions",
    ] = 10.0
    web_port: Annotated[int, "port of Faust's own web pages; 0 turns them off"] = 0

    def __post_init__(self) -> None:
        """Checks that a window is longer than its grace and its silence.

        Raises:
            ValueError: it is not.
        """
        longest = max(self.grace_ms / 1000, self.silence_seconds)
        if self.window_seconds <= longest:
            raise ValueError(
                f"window_seconds is {self.window_seconds}: it must be longer than grace_ms and "
                f"silence_seconds ({longest:g} s); use a longer window or lower those"
            )
