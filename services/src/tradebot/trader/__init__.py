"""The trader stage: journals decisions before they become orders, and their outcome."""

from tradebot.platform.stages import Demo, Stage
from tradebot.platform.topics import (
    ACCOUNTS,
    DEAD_LETTERS,
    DOCUMENTS,
    FEED,
    FORECASTS,
    JOURNAL,
    LIQUIDITY,
    PARITY,
    PROPOSALS,
    TRADES,
)

STAGE = Stage(
    name="trader",
    order=40,
    summary="decide on each window and trade",
    example="tradebot trader --bot btc --mode Paper --kafka 127.0.0.1:9092",
    settings="tradebot.trader.settings:TraderSettings",
    run="tradebot.trader.stage:run",
    reads=(FEED, TRADES, LIQUIDITY, FORECASTS, PROPOSALS, PARITY),
    writes=(DOCUMENTS, ACCOUNTS, DEAD_LETTERS),
    keeps=(JOURNAL,),
    demo=Demo(after=("emulator",)),
)
