"""The liquidity stage: flows and their ratio in 60-second windows of event time, with Faust."""

from tradebot.platform.stages import Demo, Stage
from tradebot.platform.topics import DEAD_LETTERS, FEED, LIQUIDITY

STAGE = Stage(
    name="liquidity",
    order=20,
    summary="compute flows and their ratio in 60-second windows",
    example="tradebot liquidity --kafka 127.0.0.1:9092 --http-port 9102",
    settings="tradebot.liquidity.settings:LiquiditySettings",
    run="tradebot.liquidity.worker:run",
    reads=(FEED,),
    writes=(LIQUIDITY, DEAD_LETTERS),
    # With a fixed id a worker that was killed gets its partitions back at once.
    demo=Demo(after=("emulator",), arguments=("--worker-id", "demo")),
)
