"""The recorder stage: writes trade documents to SQLite or Elasticsearch, each once."""

from tradebot.platform.stages import Demo, Stage
from tradebot.platform.topics import DEAD_LETTERS, DOCUMENTS, FORECASTS, LIQUIDITY

STAGE = Stage(
    name="recorder",
    order=50,
    summary="write documents to SQLite or Elasticsearch",
    example="tradebot recorder --kafka 127.0.0.1:9092 --elasticsearch http://127.0.0.1:9200",
    settings="tradebot.recorder.settings:RecorderSettings",
    run="tradebot.recorder.command:run",
    reads=(DOCUMENTS, LIQUIDITY, FORECASTS),
    writes=(DEAD_LETTERS,),
    demo=Demo(takes=("elasticsearch",)),
)
