"""A model as a file: its fitted state, and a card with its data, date and evaluation.

The file is a line of JSON, the card, and then the model's own bytes. It is replaced atomically.
"""

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from tradebot.platform.settings import SettingsError


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a walk-forward evaluation of a model with these parameters.

    `score` is the mean log score minus persistence's, in nats; `directional` the fraction of
    correct directions; each has its 95 % interval. `coverage` is that of bounds which should
    contain `interval`; `net` is the profit of the report's rule after fees of `fee_bps`.
    `evaluated_at` is the last minute forecast, in ms.
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


class HoldOut(msgspec.Struct, frozen=True, kw_only=True):
    """A fitted model's mean log score on the minutes from `start` to `end` (ms), which it has not
    seen, with persistence's and that of the model that it replaced."""

    start: int
    end: int
    score: float
    persistence: float
    previous: float | None = None


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """Describes a model: its data's span and digest, its code and parameters, its evaluation.

    `holdout` is its score before it was used, if models are retrained at intervals. At `tried_at`
    (ms) a new model was trained that did not replace it; that one scored `rejected`.
    """

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
    holdout: HoldOut | None = None
    tried_at: int = 0
    rejected: float | None = None

    @property
    def digest(self) -> str:
        """Identifies the fitted model."""
        named = msgspec.structs.replace(
            self, fit_seconds=0.0, evaluation=None, tried_at=0, rejected=None
        )
        return hashlib.sha256(msgspec.json.encode(named)).hexdigest()[:16]


class ModelFileError(SettingsError):
    """A model file is invalid; the message names it and says why."""


def save(path: Path, card: ModelCard, state: bytes) -> None:
    """Writes the model, replacing the file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.write(msgspec.json.encode(card) + b"\n")
        file.write(state)
    partial.replace(path)


def load(path: Path) -> tuple[ModelCard, bytes]:
    """Reads the card and the model's bytes.

    Raises:
        ModelFileError: the file does not exist or is not a model.
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
    """Returns why a model must not be traded on, or `None`.

    Args:
        now: exchange time in ms.
        max_age_minutes: maximum time since the fit.
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
