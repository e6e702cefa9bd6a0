"""The ingest stage: writes the venue's order book, trades and closed minutes to Kafka."""

from tradebot.platform.stages import Demo, Stage
from tradebot.platform.topics import FEED, LIQUIDITY, MINUTES, TRADES

STAGE = Stage(
    name="ingest",
    order=10,
    summary="write the venue's order book, trades and closed minutes to Kafka",
    example="tradebot ingest --symbol BTCUSD --kafka 127.0.0.1:9092 --interface new",
    settings="tradebot.ingest.settings:IngestSettings",
    run="tradebot.ingest.stage:run",
    reads=(TRADES, LIQUIDITY, MINUTES),
    writes=(FEED, TRADES, MINUTES),
    demo=Demo(after=("emulator",)),
)
