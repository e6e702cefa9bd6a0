"""A model as a file: what was learnt, and a card that says from what, when and how good it is.

The file is a line of JSON, the card, and then the model's own bytes. It is replaced as a whole.
"""

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from tradebot.platform.settings import SettingsError


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What a walk-forward evaluation found of a model with these parameters.

    `score` is the mean log score above persistence's, in nats; `directional` the share of right
    directions; each with its 95 % interval. `coverage` is of the bounds that should hold
    `interval`; `net` what the report's rule would have earned after fees of `fee_bps`.
    `evaluated_at` is the last minute that was forecast, in ms.
    """

    evaluated_at: int
    score: float
    score_low: float | None
    score_high: float | None
    mae: float
    mae_persistence: float
    directional: float | None
    directional_low: float | None
    directional_high: float | None
    coverage: float
    interval: float
    net: float
    fee_bps: float
    folds: int
    forecasts: int


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is: its data's span and digest, its code and parameters, its evaluation."""

    model: str
    symbol: str
    parameters: dict[str, Any]
    history_start: int
    history_end: int
    rows: int
    data_digest: str
    code_version: str
    fitted_at: int
    fit_seconds: float
    evaluation: Evaluation | None = None

    @property
    def digest(self) -> str:
        """Names the fitted model."""
        named = msgspec.structs.replace(self, fit_seconds=0.0, evaluation=None)
        return hashlib.sha256(msgspec.json.encode(named)).hexdigest()[:16]


class ModelFileError(SettingsError):
    """A model file cannot be used; the message names it and says why."""


def save(path: Path, card: ModelCard, state: bytes) -> None:
    """Writes the model, replacing the file as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.write(msgspec.json.encode(card) + b"\n")
        file.write(state)
    partial.replace(path)


def load(path: Path) -> tuple[ModelCard, bytes]:
    """The card and the model's bytes.

    Raises:
        ModelFileError: the file is not there or is no model.
    """
    try:
        with path.open("rb") as file:
            card = msgspec.json.decode(file.readline(), type=ModelCard)
            return card, file.read()
    except OSError as error:
        raise ModelFileError(f"{path}: {error.strerror}; use the path of a model file") from None
    except msgspec.DecodeError as error:
        raise ModelFileError(f"{path} is not a model file: {error}") from None


def refusal(card: ModelCard, *, now: int, max_age_minutes: int) -> str | None:
    """Why a model must not be traded on, or `None`.

    Args:
        now: exchange time in ms.
        max_age_minutes: since it was fitted.
    """
    if card.evaluation is None:
        return (
            f"model {card.model} {card.digest} was never evaluated: run `tradebot forecast "
            "evaluate`, or let the stage evaluate it with --evaluate-folds"
        )
    age = (now - card.fitted_at) / 60_000
    if age > max_age_minutes:
        return (
            f"model {card.model} {card.digest} was fitted {age:.0f} minutes ago; the limit is"
            f" {max_age_minutes}"
        )
    return None
