"""Settings of the nightly check."""

from typing import Annotated

from tradebot.platform.settings import StageSettings


class ParitySettings(StageSettings, frozen=True, kw_only=True):
    """How far back decisions are checked."""

    since: Annotated[
        str, "how far to go back from each bot's newest decision, such as 24h, 90m or 7d"
    ] = "24h"
