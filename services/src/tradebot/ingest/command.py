"""`tradebot ingest`."""

import asyncio
import signal

from tradebot.ingest.publisher import Publisher
from tradebot.ingest.settings import IngestSettings
from tradebot.ingest.stage import Ingest
from tradebot.platform import health, kafka, logs
from tradebot.platform.health import Readiness
from tradebot.platform.kafka import Topics
from tradebot.platform.settings import SettingsError
from tradebot.platform.settings import command as settings_command

STAGE = "ingest"


def run(settings: IngestSettings) -> None:
    """Reads the feed until SIGTERM or SIGINT."""
    logs.setup(STAGE, level=settings.log_level, form=settings.log_format)
    readiness = Readiness(STAGE)
    try:
        health.serve(readiness, stage=STAGE, host=settings.http_host, port=settings.http_port)
    except OSError as error:
        raise SettingsError(
            f"http_port {settings.http_port} on {settings.http_host}: {error.strerror};"
            " give a free one by --http-port, or 0"
        ) from None
    topics = Topics.of(settings)
    kafka.ensure_topics(settings, [topics.feed, topics.trades])
    asyncio.run(_serve(settings, readiness))


async def _serve(settings: IngestSettings, readiness: Readiness) -> None:
    ingest = Ingest(settings, Publisher(settings), readiness)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ingest.stop)
    readiness.started()
    await ingest.run()


command = settings_command(
    IngestSettings,
    run,
    name=STAGE,
    summary="The venue's order book and trades into Kafka.",
    example="tradebot ingest --symbol BTCUSD --kafka 127.0.0.1:9092 --interface new",
)
