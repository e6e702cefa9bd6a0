"""The strategy stage: one proposal for each closed bar, by sandboxed code."""

from tradebot.platform.stages import Demo, Stage
from tradebot.platform.topics import ACCOUNTS, DEAD_LETTERS, FORECASTS, MINUTES, PROPOSALS

STAGE = Stage(
    name="strategy",
    order=35,
    summary="run a strategy on closed bars and publish its proposals",
    example="tradebot strategy --strategy my-bot/strategy.py --symbol BTCUSD --resolution 1h",
    settings="tradebot.strategy.settings:StrategySettings",
    run="tradebot.strategy.stage:run",
    command="tradebot.strategy.command:command",
    reads=(MINUTES, FORECASTS, ACCOUNTS, PROPOSALS),
    writes=(PROPOSALS, DEAD_LETTERS),
    demo=Demo(
        after=("emulator",),
        takes=("strategy", "resolution", "parameters"),
        only_with="strategy",
    ),
)
