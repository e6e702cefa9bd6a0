"""The ingest stage: writes the venue's order book and trades to Kafka."""

from tradebot.platform.stages import Demo, Stage
from tradebot.platform.topics import FEED, TRADES

STAGE = Stage(
    name="ingest",
    order=10,
    summary="write the venue's order book and trades to Kafka",
    example="tradebot ingest --symbol BTCUSD --kafka 127.0.0.1:9092 --interface new",
    settings="tradebot.ingest.settings:IngestSettings",
    run="tradebot.ingest.stage:run",
    writes=(FEED, TRADES),
    demo=Demo(after=("emulator",)),
)
