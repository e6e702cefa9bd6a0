"""`tradebot recorder`: records, sets the store up, or shows dead letters."""

import contextlib
import time

import click

from tradebot.platform import kafka, logs
from tradebot.platform.open_store import open_store
from tradebot.platform.settings import SettingsError
from tradebot.platform.stage import running
from tradebot.platform.store import StoreUnavailableError
from tradebot.platform.topic import read_topic
from tradebot.platform.topics import Topics
from tradebot.recorder import STAGE
from tradebot.recorder.settings import RecorderSettings
from tradebot.recorder.stage import Recorder


def run(settings: RecorderSettings) -> None:
    """Records until SIGTERM or SIGINT, or does only what a flag asks for."""
    if settings.dead_letters:
        show_dead_letters(settings)
    elif settings.setup or settings.setup_kibana:
        logs.setup(STAGE.name, level=settings.log_level, form=settings.log_format)
        if settings.setup:
            set_up(settings)
        if settings.setup_kibana:
            set_up_kibana(settings)
    else:
        record(settings)


def record(settings: RecorderSettings) -> None:
    """Records until SIGTERM or SIGINT.

    Raises:
        SettingsError: the port is taken, no broker responds, or the store cannot be used.
    """
    with running(STAGE, settings) as frame, contextlib.closing(open_store(settings)) as store:
        recorder = Recorder(settings, store, frame.readiness)
        frame.stopping.call(recorder.stop)
        recorder.run()


def show_dead_letters(settings: RecorderSettings) -> None:
    """Prints the dead letters of all stages, as they are in the topic.

    Raises:
        SettingsError: no broker responds, or the topic does not exist and cannot be created.
    """
    topic = Topics.of(settings).dead_letters
    kafka.ensure_topics(settings, [topic])
    for letter in read_topic(settings, topic):
        click.echo(letter.decode())


def set_up(settings: RecorderSettings) -> None:
    """Sets the store up, waiting until it responds.

    Raises:
        SettingsError: it refuses, or does not respond in time.
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
            click.echo(f"the document store is set up; {gone} old documents deleted")
            store.close()
            return


def set_up_kibana(settings: RecorderSettings) -> None:
    """Imports the dashboards into Kibana, or writes them in Kibana's export format.

    Raises:
        SettingsError: Kibana was not available in time, or refused an object.
    """
    # Imported late: recording needs neither these objects nor an HTTP client.
    from tradebot.recorder.kibana.importing import import_dashboards
    from tradebot.recorder.kibana.objects import ndjson

    if settings.setup_kibana == "-":
        click.echo(ndjson(settings.index_prefix), nl=False)
        return
    taken = import_dashboards(settings)
    click.echo(f"Kibana at {settings.setup_kibana} imported {taken} objects")
