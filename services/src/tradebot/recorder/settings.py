"""What the recorder is told."""

from typing import Annotated, Literal

import msgspec

from tradebot.platform.store import StoreSettings


class RecorderSettings(StoreSettings, frozen=True, kw_only=True):
    """The recorder's own settings."""

    group: Annotated[str, "consumer group; recorders of one group share the work"] = "recorder"
    environment: Annotated[
        Literal["", "Emulator", "Sandbox", "Production"],
        "the venue's environment that the topics are of; every document stored says it",
    ] = ""
    batch_documents: Annotated[
        int, msgspec.Meta(ge=1, le=20_000), "documents in one write at most"
    ] = 1000
    batch_seconds: Annotated[
        float, msgspec.Meta(gt=0, le=60), "a document waits no longer than this for its write"
    ] = 0.25
    retention_days: Annotated[
        int,
        msgspec.Meta(ge=1),
        "days that balances, tickers, decisions, windows and forecasts are kept, counted back from"
        " the newest of their kind; orders, fills, scores and halts are kept for ever",
    ] = 180
    replicas: Annotated[int, msgspec.Meta(ge=0, le=5), "replicas of each index"] = 0
    dead_letters: Annotated[
        bool, "print the records that were put aside, a JSON object a line, then end"
    ] = False
    setup: Annotated[bool, "make or upgrade what holds the documents, then end"] = False
    setup_wait_seconds: Annotated[
        float, msgspec.Meta(ge=0), "how long a set-up waits for the store"
    ] = 300.0
    setup_kibana: Annotated[
        str, "Kibana's URL: import the dashboards there, then end; - writes them to stdout"
    ] = ""
    kibana_username: Annotated[str, "user at Kibana"] = ""
    kibana_password_file: Annotated[str, "file that holds the user's password"] = ""
    kibana_ca_file: Annotated[str, "certificate authority of Kibana, a PEM file"] = ""
    kibana_wait_seconds: Annotated[
        float, msgspec.Meta(ge=0), "how long to wait for Kibana to be available"
    ] = 600.0
