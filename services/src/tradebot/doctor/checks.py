"""The checks: each looks at one thing and answers findings; none changes anything."""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Annotated

import httpx
from confluent_kafka.admin import AdminClient

from tradebot.doctor.findings import Finding, Health, of_drift, of_fees, of_history, of_key_file
from tradebot.history import load
from tradebot.platform.kafka import Topics, client_config, wait_for_broker
from tradebot.platform.open_store import open_store
from tradebot.platform.settings import SettingsError
from tradebot.platform.store import StoreSettings, StoreUnavailableError
from tradebot.records import DocType
from tradebot.trader.settings import TraderSettings
from tradebot.venue.errors import VenueError
from tradebot.venue.gemini.nonces import nonces_of
from tradebot.venue.gemini.rest import GeminiRest
from tradebot.venue.gemini.signing import read_credentials
from tradebot.venue.settings import endpoints


class DoctorSettings(TraderSettings, frozen=True, kw_only=True):
    """A trader's settings, and where history and documents are."""

    history_file: Annotated[str, "file of minutes that the forecaster starts with"] = ""
    elasticsearch: Annotated[str, "Elasticsearch's URL; SQLite if not given"] = ""
    json: Annotated[bool, "print the findings as one JSON object on the last line"] = False


def broker(settings: DoctorSettings) -> list[Finding]:
    """Whether Kafka answers and has the topics."""
    try:
        wait_for_broker(settings, seconds=4)
    except SettingsError as error:
        return [Finding("Kafka", Health.BAD, f"nothing answers at {settings.kafka}", str(error))]
    present = AdminClient(client_config(settings)).list_topics(timeout=5).topics
    found = [Finding("Kafka", Health.GOOD, f"{settings.kafka} answers")]
    missing = [name for name in Topics.of(settings).all() if name not in present]
    if missing:
        what = f"topics that are not there yet: {', '.join(missing)}"
        advice = "the stages create them where they may; else create them by hand"
        found.append(Finding("topics", Health.WARNING, what, advice))
    else:
        found.append(Finding("topics", Health.GOOD, "all are there"))
    return found


def store(settings: DoctorSettings) -> list[Finding]:
    """Whether documents can be read where they are kept."""
    place = settings.elasticsearch or f"{settings.state_dir}/documents.sqlite"
    if not settings.elasticsearch and not Path(settings.state_dir, "documents.sqlite").exists():
        return [Finding("store", Health.SKIPPED, f"{place} is not there until the recorder runs")]
    opened = open_store(
        StoreSettings(state_dir=settings.state_dir, elasticsearch=settings.elasticsearch)
    )
    try:
        newest = opened.latest(DocType.DECISION, 1)
    except StoreUnavailableError as error:
        advice = "start it, or give another address by --elasticsearch"
        return [Finding("store", Health.BAD, f"{place} does not answer: {error}", advice)]
    finally:
        opened.close()
    what = "holds decisions" if newest else "holds no decision yet"
    return [Finding("store", Health.GOOD, f"{place} {what}")]


async def venue(settings: DoctorSettings) -> list[Finding]:
    """Whether the venue answers for the symbol, and how far the clocks are apart."""
    url = endpoints(settings).rest
    advice = (
        "start it by `tradebot emulator`"
        if settings.environment == "Emulator"
        else "check this machine's network, or try --environment Emulator"
    )
    async with GeminiRest(url, timeout=5) as rest:
        try:
            ticker = await rest.ticker(settings.symbol)
        except VenueError as error:
            return [Finding("venue", Health.BAD, f"{url}: {error}", advice)]
    found = [Finding("venue", Health.GOOD, f"{url}: {settings.symbol} last {ticker.last}")]
    if settings.environment == "Emulator":
        return [*found, Finding("clock", Health.SKIPPED, "the emulator has a time of its own")]
    async with httpx.AsyncClient(timeout=5) as client:
        stamp = (await client.get(f"{url}/v1/symbols")).headers.get("date")
    if stamp:
        found.append(of_drift(time.time() - parsedate_to_datetime(stamp).timestamp()))
    return found


async def keys(settings: DoctorSettings) -> list[Finding]:
    """Whether the venue takes the key, and what fees it pays."""
    if not settings.api_key_file:
        return [Finding("keys", Health.SKIPPED, "none are given: paper trading needs none")]
    try:
        credentials = read_credentials(settings.api_key_file, settings.api_secret_file)
    except SettingsError as error:
        return [Finding("keys", Health.BAD, error.message, "give the paths of both files")]
    nonces = nonces_of("time" if settings.time_based_nonce else "counter")
    async with GeminiRest(endpoints(settings).rest, credentials, nonces=nonces, timeout=5) as rest:
        try:
            balances = await rest.balances()
            fees = await rest.notional_volume()
        except VenueError as error:
            advice = "make a key with the role Trader at the venue, and mind --time-based-nonce"
            return [Finding("keys", Health.BAD, f"the venue refuses them: {error}", advice)]
    held = ", ".join(f"{b.available} {b.currency}" for b in balances if b.amount)
    return [
        Finding("keys", Health.GOOD, f"the venue takes them; the account has {held}"),
        of_fees(fees.api_taker_fee_bps, settings.min_edge_bps),
    ]


def key_files(settings: DoctorSettings) -> list[Finding]:
    """Whether others on this machine can read the key."""
    paths = [Path(name) for name in (settings.api_key_file, settings.api_secret_file) if name]
    found = [of_key_file(str(path), path.stat().st_mode & 0o777) for path in paths if path.exists()]
    return [finding for finding in found if finding]


def history(settings: DoctorSettings) -> list[Finding]:
    """How much the forecaster would start with, and what is wrong with it."""
    if not settings.history_file:
        told = "the venue's own candles, about a day, will do for a start; not for IndicatorLstm"
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


PLAIN: tuple[Callable[[DoctorSettings], list[Finding]], ...] = (key_files, broker, store, history)
"""Checks that ask no venue."""
