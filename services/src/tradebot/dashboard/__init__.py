"""The dashboard stage: a live page of the whole pipeline."""

from tradebot.platform.stages import Demo, Stage
from tradebot.platform.topics import DOCUMENTS, FEED, FORECASTS, LIQUIDITY, TRADES

STAGE = Stage(
    name="dashboard",
    order=60,
    summary="serve a page that shows the pipeline live",
    example="tradebot dashboard --port 8080 --stages ingest=http://127.0.0.1:9101",
    settings="tradebot.dashboard.settings:DashboardSettings",
    run="tradebot.dashboard.stage:run",
    reads=(FEED, TRADES, LIQUIDITY, FORECASTS, DOCUMENTS),
    demo=Demo(takes=("elasticsearch",), serves=True),
)
