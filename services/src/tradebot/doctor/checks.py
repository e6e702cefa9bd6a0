"""The checks: each examines one thing and returns findings; none changes anything."""

import time
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Final

import msgspec
from confluent_kafka.admin import AdminClient

from tradebot.doctor.findings import (
    Finding,
    Health,
    of_drift,
    of_fees,
    of_history,
    of_holdings,
    of_key_file,
)
from tradebot.domain.instrument import split_symbol
from tradebot.domain.money import ZERO
from tradebot.history import load
from tradebot.platform.kafka import client_config, wait_for_broker
from tradebot.platform.open_store import open_store
from tradebot.platform.settings import SettingsError, StageSettings
from tradebot.platform.stages import topic_names
from tradebot.platform.store import StoreSettings, StoreUnavailableError
from tradebot.records import DocType
from tradebot.trader.settings import TraderSettings
from tradebot.venue.errors import VenueError
from tradebot.venue.port import Keys, open_venue

TIMEOUT: Final = 5.0
"""Timeout of a call to the venue, seconds."""


class DoctorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the doctor, in addition to those of a trader and of the store."""

    history_file: Annotated[str, "file with the forecaster's initial minutes"] = ""
    json: Annotated[bool, "print the findings as one JSON object on the last line"] = False


def broker(settings: StageSettings) -> list[Finding]:
    """Whether Kafka responds and has the topics."""
    try:
        wait_for_broker(settings, seconds=4)
    except SettingsError as error:
        return [Finding("Kafka", Health.BAD, f"no broker responds at {settings.kafka}", str(error))]
    present = AdminClient(client_config(settings)).list_topics(timeout=5).topics
    found = [Finding("Kafka", Health.GOOD, f"{settings.kafka} responds")]
    wanted = [settings.topic_prefix + name for name in topic_names()]
    missing = [name for name in wanted if name not in present]
    if missing:
        what = f"missing topics: {', '.join(missing)}"
        advice = "the stages create them if they have permission; otherwise create them manually"
        found.append(Finding("topics", Health.WARNING, what, advice))
    else:
        found.append(Finding("topics", Health.GOOD, "all exist"))
    return found


def store(settings: StoreSettings) -> list[Finding]:
    """Whether documents can be read from the store."""
    place = settings.elasticsearch or f"{settings.state_dir}/documents.sqlite"
    if not settings.elasticsearch and not Path(settings.state_dir, "documents.sqlite").exists():
        return [
            Finding(
                "store", Health.SKIPPED, (f"{place} does not exist yet; the recorder creates it")
            )
        ]
    try:
        opened = open_store(settings)
        try:
            newest = opened.latest(DocType.DECISION, 1)
        finally:
            opened.close()
    except SettingsError as error:
        advice = "correct these settings"
        return [Finding("store", Health.BAD, error.message, advice)]
    except StoreUnavailableError as error:
        advice = "start it, or set another address with --elasticsearch"
        return [Finding("store", Health.BAD, f"{place} does not respond: {error}", advice)]
    what = "contains decisions" if newest else "contains no decisions yet"
    return [Finding("store", Health.GOOD, f"{place} {what}")]


async def venue(settings: TraderSettings) -> list[Finding]:
    """Whether the venue responds for the symbol, and how far the clocks differ."""
    advice = (
        "start it with `tradebot emulator`"
        if settings.environment == "Emulator"
        else "check this machine's network, or try --environment Emulator"
    )
    async with aclosing(open_venue(settings, timeout=TIMEOUT)) as client:
        try:
            ticker = await client.market.ticker(settings.symbol)
            time_there = await client.market.time()
        except VenueError as error:
            return [Finding("venue", Health.BAD, f"{client.address}: {error}", advice)]
    what = f"{client.address}: {settings.symbol} last {ticker.last}"
    found = [Finding("venue", Health.GOOD, what)]
    if settings.environment == "Emulator":
        return [
            *found,
            Finding("clock", Health.SKIPPED, ("not checked: the emulator has its own time")),
        ]
    if time_there is not None:
        found.append(of_drift(time.time() - time_there))
    return found


async def keys(settings: TraderSettings) -> list[Finding]:
    """Whether the venue accepts the key, what fees it pays, and what the bot would sell."""
    base, _ = split_symbol(settings.symbol)
    if not settings.api_key_file:
        return [
            Finding("keys", Health.SKIPPED, "not set; paper trading needs none"),
            of_holdings(settings.holdings, base, settings.paper_base),
        ]
    keys = Keys(
        api_key_file=settings.api_key_file,
        api_secret_file=settings.api_secret_file,
        time_based_nonce=settings.time_based_nonce,
    )
    try:
        client = open_venue(settings, keys, timeout=TIMEOUT)
    except SettingsError as error:
        return [Finding("keys", Health.BAD, error.message, "set the paths of both files")]
    async with aclosing(client):
        account = client.account(settings.symbol)
        try:
            balances = await account.balances()
            fees = await account.fees()
        except VenueError as error:
            advice = "create a key with the role Trader at the venue, and check --time-based-nonce"
            return [Finding("keys", Health.BAD, f"the venue rejects them: {error}", advice)]
    held = ", ".join(f"{b.available} {b.currency}" for b in balances if b.amount)
    return [
        Finding("keys", Health.GOOD, f"the venue accepts them; the account has {held}"),
        of_fees(fees.taker_bps, settings.min_edge_bps),
        of_holdings(
            settings.holdings, base, sum((b.amount for b in balances if b.currency == base), ZERO)
        ),
    ]


def key_files(settings: TraderSettings) -> list[Finding]:
    """Whether other users of this machine can read the key."""
    paths = [Path(name) for name in (settings.api_key_file, settings.api_secret_file) if name]
    found = [of_key_file(str(path), path.stat().st_mode & 0o777) for path in paths if path.exists()]
    return [finding for finding in found if finding]


def history(settings: DoctorSettings) -> list[Finding]:
    """How much data the forecaster would start with, and what is wrong with it."""
    if not settings.history_file:
        told = "the venue's candles, about one day, are enough to start, except for IndicatorLstm"
        return [Finding("history", Health.SKIPPED, told)]
    try:
        checked = load.load(Path(settings.history_file))
    except SettingsError as error:
        return [Finding("history", Health.BAD, error.message, "see `tradebot history check FILE`")]
    ts = checked.table["ts"]
    span = (int(ts[-1]) - int(ts[0])) // 60_000 + 1 if len(ts) else 0
    found = [of_history(len(ts), span)]
    if what := load.summary(checked):
        advice = f"see `tradebot history check {settings.history_file}`"
        found.append(Finding("history", Health.WARNING, what, advice))
    return found
