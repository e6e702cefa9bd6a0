"""The result of a check, and the sentences that judge a measurement. Pure."""

from decimal import Decimal
from enum import StrEnum

import msgspec

from tradebot.domain.situation import Holdings


class Health(StrEnum):
    """The state of what was checked."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    SKIPPED = "skipped"


class Finding(msgspec.Struct, frozen=True):
    """The result of one check. `advice` says what to do; it is empty if nothing is wrong."""

    subject: str
    health: Health
    what: str
    advice: str = ""


DRIFT_WARNING, DRIFT_BAD = 2.0, 20.0
"""Seconds of clock drift: a key with time based nonces is refused from 30 on."""

ENOUGH_MINUTES = 2 * 1440
"""Minutes of history that a model needs to find daily seasonality."""


def of_drift(seconds: float) -> Finding:
    """Judges how far this clock is from the venue's."""
    what = f"this clock is {abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} the venue"
    if abs(seconds) < DRIFT_WARNING:
        return Finding("clock", Health.GOOD, what)
    advice = "synchronise it, for example with `timedatectl set-ntp true`"
    health = Health.WARNING if abs(seconds) < DRIFT_BAD else Health.BAD
    return Finding("clock", health, what, advice)


def of_history(minutes: int, span_minutes: int) -> Finding:
    """Judges the history that the forecaster would start with."""
    what = f"{minutes:,} minutes over {span_minutes / 1440:.1f} days"
    if minutes >= ENOUGH_MINUTES:
        return Finding("history", Health.GOOD, what)
    if minutes == 0:
        advice = "set a file with --history-file, or wait: the bot records minutes as they arrive"
        return Finding("history", Health.BAD, "no history", advice)
    advice = (
        "set a longer one with --history-file: two days show a daily pattern, two weeks a "
        "weekly one"
    )
    return Finding("history", Health.WARNING, what, advice)


def of_fees(taker_bps: Decimal, min_edge_bps: int) -> Finding:
    """Says what fees do to a rule that trades on any forecast gain."""
    trip = 2 * taker_bps
    what = f"buying and selling again costs {trip:.0f} bps in fees ({taker_bps:.0f} each)"
    if min_edge_bps > 0:
        return Finding(
            "fees", Health.GOOD, f"{what}; a buy needs {min_edge_bps} bps more than that"
        )
    advice = (
        "with --min-edge-bps 0 the bot buys on any forecast rise, even one smaller than the "
        "fees; set it above 0 to require a gain beyond the fees"
    )
    return Finding("fees", Health.WARNING, what, advice)


def of_holdings(holdings: Holdings, currency: str, amount: Decimal) -> Finding:
    """Says what a sell would sell of an account with `amount` of the base currency."""
    if holdings == "Own":
        what = f"a sell sells what the bot's own orders bought; the account has {amount} {currency}"
        return Finding("holdings", Health.GOOD, what)
    what = (
        f"a sell sells the account's whole balance of {amount} {currency}, whoever bought it"
        " (holdings is All)"
    )
    if not amount:
        return Finding("holdings", Health.GOOD, what)
    advice = "use --holdings Own to sell only what the bot's own orders bought"
    return Finding("holdings", Health.WARNING, what, advice)


def of_key_file(name: str, mode: int) -> Finding | None:
    """Warns of a key that other users can read; `None` if only its owner can."""
    if mode & 0o077 == 0:
        return None
    return Finding(
        "keys", Health.WARNING, f"{name} is readable by others (mode {mode:o})", f"chmod 600 {name}"
    )
