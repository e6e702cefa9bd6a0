"""Errors for optional libraries that are not installed."""

from typing import Final

from tradebot.platform.settings import SettingsError

EXTRAS: Final = {
    "prophet": ("forecast", "setup"),
    "scipy": ("forecast", "setup"),
    "argon2": ("login", "setup"),
    "ccxt": ("history", "setup"),
    "numba": ("backtest", "setup"),
    "optuna": ("backtest", "setup"),
    "talib": ("lstm", "setup-lstm"),
    "torch": ("lstm", "setup-lstm"),
}
"""Module: the extra of `pyproject.toml` that contains it, and the make target that installs it."""


def missing(needs: str, error: ModuleNotFoundError, besides: str = "") -> SettingsError:
    """Returns the error for a library that is not installed.

    Args:
        needs: what cannot run without it.
        error: the import's error.
        besides: an alternative, in words.
    """
    module = (error.name or "").partition(".")[0]
    if module in EXTRAS:
        extra, target = EXTRAS[module]
        fix = f"run `make {target}` in the checkout, or install this package with the extra {extra}"
    else:
        fix = "install it"
    return SettingsError(f"{needs} needs the package {module}: {fix}{besides}")
