"""Names, labels and hashes of the operator's objects."""

import hashlib
import re
from typing import Any

import msgspec

MANAGER = "tradebot-operator"
"""The field manager, and the value of the label that selects the watched children."""

MANAGED_BY = "app.kubernetes.io/managed-by"
UNIT = "tradebot.dev/unit"
STAGE = "tradebot.dev/stage"
BOT = "tradebot.dev/bot"
SYMBOL = "tradebot.dev/symbol"
ENVIRONMENT = "tradebot.dev/environment"
EGRESS = "tradebot.dev/egress"
"""`venue` on pods that may reach the venue, `web` on those that may reach a history's URL."""


def digest(value: Any, length: int = 8) -> str:
    """Returns a short hash of a JSON value, the same in every process.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    text = msgspec.json.encode(value, order="deterministic")
    return hashlib.sha256(text).hexdigest()[:length]


def slug(text: str, length: int = 24) -> str:
    """Converts text for use in a name: small letters, digits and dashes.

    >>> slug("FastProphet")
    'fastprophet'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:length].strip("-")


def labels(
    *, unit: str, stage: str, symbol: str = "", environment: str = "", bot: str = ""
) -> dict[str, str]:
    """Returns the labels of a unit's children and pods, without empty ones."""
    everything = {
        "app.kubernetes.io/name": "tradebot",
        "app.kubernetes.io/component": stage,
        "app.kubernetes.io/part-of": "tradebot",
        MANAGED_BY: MANAGER,
        UNIT: unit,
        STAGE: stage,
        SYMBOL: symbol,
        ENVIRONMENT: environment,
        BOT: bot,
    }
    return {key: value for key, value in everything.items() if value}
