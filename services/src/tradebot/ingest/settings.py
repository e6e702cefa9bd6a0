"""The settings of ingest."""

from typing import Annotated

import msgspec

from tradebot.venue.settings import VenueSettings


class IngestSettings(VenueSettings, frozen=True, kw_only=True):
    """Which stream to read, and how many records may wait for Kafka."""

    interface: Annotated[
        str,
        "stream to use if the venue has several; gemini has new, v1 (/v1/marketdata) and v2 "
        "(/v2/marketdata)",
    ] = "new"
    stall_seconds: Annotated[
        float,
        msgspec.Meta(gt=0),
        "real seconds of silence after which the feed counts as stalled and reconnects",
    ] = 10.0
    quiet_seconds: Annotated[
        float,
        msgspec.Meta(gt=0),
        "real seconds of heartbeats without a book change after which the feed reconnects",
    ] = 60.0
    queue_records: Annotated[
        int,
        msgspec.Meta(ge=100),
        "maximum number of records waiting for Kafka; beyond it the feed reconnects",
    ] = 100_000
    minutes_file: Annotated[
        str,
        "file of past minute bars (CSV, Parquet) with which the topic of minutes begins, before "
        "the venue's candles",
    ] = ""
