"""`tradebot recorder`."""

import signal
import time
from types import FrameType

import click

from tradebot.platform import health, kafka, logs
from tradebot.platform.health import Readiness
from tradebot.platform.kafka import Topics
from tradebot.platform.open_store import open_store
from tradebot.platform.settings import SettingsError
from tradebot.platform.settings import command as settings_command
from tradebot.platform.store import StoreUnavailableError
from tradebot.platform.topic import read_topic
from tradebot.recorder.settings import RecorderSettings
from tradebot.recorder.stage import Recorder, prepare

STAGE = "recorder"


def run(settings: RecorderSettings) -> None:
    """Records until SIGTERM or SIGINT."""
    logs.setup(STAGE, level=settings.log_level, form=settings.log_format)
    if settings.dead_letters:
        show_dead_letters(settings)
        return
    if settings.setup or settings.setup_kibana:
        if settings.setup:
            set_up(settings)
        if settings.setup_kibana:
            set_up_kibana(settings)
        return
    readiness = Readiness(STAGE)
    health.serve(readiness, stage=STAGE, host=settings.http_host, port=settings.http_port)
    prepare(settings)
    store = open_store(settings)
    recorder = Recorder(settings, store, readiness)

    def end(_signal: int, _frame: FrameType | None) -> None:
        recorder.stop()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        recorder.run()
    finally:
        store.close()


def show_dead_letters(settings: RecorderSettings) -> None:
    """Prints all that any stage has put aside, as it lies in the topic.

    Raises:
        SettingsError: no broker answers, or the topic is missing and cannot be created.
    """
    topic = Topics.of(settings).dead_letters
    kafka.ensure_topics(settings, [topic])
    for letter in read_topic(settings, topic):
        click.echo(letter.decode())


def set_up(settings: RecorderSettings) -> None:
    """Sets the store up, waiting for it.

    Raises:
        SettingsError: it refuses, or does not answer in time.
    """
    store = open_store(settings)
    end = time.monotonic() + settings.setup_wait_seconds
    while True:
        try:
            store.set_up(settings.replicas)
            gone = store.prune(settings.retention_days)
        except StoreUnavailableError as error:
            if time.monotonic() >= end:
                raise SettingsError(f"the store was not set up: {error}") from None
            time.sleep(2)
        else:
            click.echo(f"the store of documents is set up; {gone} old documents deleted")
            store.close()
            return


def set_up_kibana(settings: RecorderSettings) -> None:
    """Imports the dashboards, or writes them as Kibana would export them.

    Raises:
        SettingsError: Kibana was not available in time, or did not take every object.
    """
    # A recorder that records needs neither these objects nor an HTTP client.
    from tradebot.recorder.kibana.importing import import_dashboards
    from tradebot.recorder.kibana.objects import ndjson

    if settings.setup_kibana == "-":
        click.echo(ndjson(settings.index_prefix), nl=False)
        return
    taken = import_dashboards(settings)
    click.echo(f"Kibana at {settings.setup_kibana} took {taken} objects")


command = settings_command(
    RecorderSettings,
    run,
    name=STAGE,
    summary="Documents of the bots into SQLite, or into Elasticsearch.",
    example="tradebot recorder --kafka 127.0.0.1:9092 --elasticsearch http://127.0.0.1:9200",
)
