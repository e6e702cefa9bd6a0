"""Settings of the recorder."""

from typing import Annotated, Literal

import msgspec

from tradebot.platform.store import StoreSettings


class RecorderSettings(StoreSettings, frozen=True, kw_only=True):
    """The recorder's own settings."""

    group: Annotated[str, "consumer group; recorders in one group share the work"] = "recorder"
    environment: Annotated[
        Literal["", "Emulator", "Sandbox", "Production"],
        "venue environment of the topics; written to every document",
    ] = ""
    batch_documents: Annotated[
        int, msgspec.Meta(ge=1, le=20_000), "maximum number of documents per write"
    ] = 1000
    batch_seconds: Annotated[
        float, msgspec.Meta(gt=0, le=60), "maximum time a document waits for its write, in seconds"
    ] = 0.25
    retention_days: Annotated[
        int,
        msgspec.Meta(ge=1),
        "days to keep balances, tickers, decisions, windows and forecasts, counted back from "
        "the newest of their kind; orders, fills, scores and halts are kept forever",
    ] = 180
    replicas: Annotated[int, msgspec.Meta(ge=0, le=5), "replicas of each index"] = 0
    dead_letters: Annotated[bool, "print the dead letters, one JSON object per line, then exit"] = (
        False
    )
    setup: Annotated[bool, "create or upgrade the document store, then exit"] = False
    setup_wait_seconds: Annotated[
        float, msgspec.Meta(ge=0), "how long --setup waits for the store"
    ] = 300.0
    setup_kibana: Annotated[
        str, "Kibana's URL: import the dashboards there, then exit; - writes them to stdout"
    ] = ""
    kibana_username: Annotated[str, "Kibana user"] = ""
    kibana_password_file: Annotated[str, "file with the user's password"] = ""
    kibana_ca_file: Annotated[str, "Kibana's certificate authority, a PEM file"] = ""
    kibana_wait_seconds: Annotated[
        float, msgspec.Meta(ge=0), "how long to wait for Kibana to be available"
    ] = 600.0
