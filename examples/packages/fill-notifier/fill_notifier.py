"""A stage that reads `trade-documents` and posts a line for each fill to a webhook.

    tradebot fills --kafka localhost:9092 --webhook https://chat.example.org/hook

Without a webhook it prints the lines. It commits an offset after the post: after a crash, a line
may come twice, but none is lost.
"""

from typing import Annotated

import httpx

from tradebot.platform import kafka, logs
from tradebot.platform.settings import StageSettings
from tradebot.platform.stage import running
from tradebot.platform.stages import Stage
from tradebot.platform.topics import DOCUMENTS, Topics
from tradebot.records import DocType, Document, decode

STAGE = Stage(
    name="fills",
    order=75,
    summary="post each fill to a chat",
    example="tradebot fills --kafka 127.0.0.1:9092 --webhook https://chat.example.org/hook",
    settings="fill_notifier:Settings",
    run="fill_notifier:run",
    reads=(DOCUMENTS,),
)


class Settings(StageSettings, frozen=True, kw_only=True):
    """Where the lines go."""

    webhook: Annotated[str, "address that accepts a POST with JSON; default: print the lines"] = ""
    group: Annotated[str, "consumer group; it remembers which fills were posted"] = "fills"


def line(document: Document) -> str:
    """Returns the line of a fill."""
    body = document.body
    value = body["price"] * body["amount"]
    return (
        f"{document.bot}: {body['side']} {body['amount']:.8f} {document.base} at "
        f"{body['price']:,.2f} {document.quote} ({value:,.2f}, fee {body['fee']:,.2f})"
    )


def post(settings: Settings, text: str) -> None:
    """Posts the line, or prints it.

    Raises:
        httpx.HTTPError: the webhook did not accept it; the process ends, and a restart retries.
    """
    if not settings.webhook:
        print(text, flush=True)
        return
    httpx.post(settings.webhook, json={"text": text}, timeout=10).raise_for_status()


def run(settings: Settings) -> None:
    """Posts each fill until it is asked to stop."""
    with running(STAGE, settings) as frame:
        log = logs.get("fills")
        consumer = kafka.consumer(settings, settings.group)
        consumer.subscribe([Topics.of(settings).documents])
        frame.readiness.started()
        while not frame.stopping.is_set():
            message = consumer.poll(0.2)
            if message is None or message.error():
                continue
            try:
                document = decode(message.value() or b"", Document)
            except ValueError as error:
                log.warning("not a document", offset=message.offset(), reason=str(error))
            else:
                if document.doc_type == DocType.FILL:
                    post(settings, line(document))
            consumer.commit(message, asynchronous=False)
        consumer.close()
