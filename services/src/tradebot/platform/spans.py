"""Spans of time as settings have them, such as 24h."""

import re
from typing import Final

from tradebot.platform.settings import SettingsError

SPANS_MS: Final = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


def span_ms(text: str, setting: str = "since") -> int:
    """Returns the milliseconds of a span.

    >>> span_ms("90m"), span_ms("24h")
    (5400000, 86400000)

    Args:
        setting: whose value it is, for the message.

    Raises:
        SettingsError: it is not a span.
    """
    found = re.fullmatch(r"(\d+)([mhd])", text)
    if found is None or int(found[1]) == 0:
        raise SettingsError(
            f"{setting} is {text!r}: use a number followed by m, h or d, such as 24h or 7d"
        )
    return int(found[1]) * SPANS_MS[found[2]]
