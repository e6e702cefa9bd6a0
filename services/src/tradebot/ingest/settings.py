"""The settings of ingest."""

from typing import Annotated

import msgspec

from tradebot.venue.settings import VenueSettings


class IngestSettings(VenueSettings, frozen=True, kw_only=True):
    """Which stream to read, and how much may wait for Kafka."""

    interface: Annotated[
        str,
        "which of the venue's streams, where it has several; gemini has new, v1 (/v1/marketdata)"
        " and v2 (/v2/marketdata)",
    ] = "new"
    stall_seconds: Annotated[
        float,
        msgspec.Meta(gt=0),
        "real seconds of silence after which the feed counts as stalled and is connected anew",
    ] = 10.0
    quiet_seconds: Annotated[
        float,
        msgspec.Meta(gt=0),
        "real seconds of heartbeats without a change of the book after which it does as well",
    ] = 60.0
    queue_records: Annotated[
        int,
        msgspec.Meta(ge=100),
        "records that may wait for Kafka; when they are more, the feed is dropped and begun anew",
    ] = 100_000
