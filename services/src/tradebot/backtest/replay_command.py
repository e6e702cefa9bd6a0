"""`tradebot replay`: decides a bot's windows again from its documents, and compares."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import click
import msgspec

from tradebot.backtest.replay import Compared, record, replay
from tradebot.platform import settings as platform_settings
from tradebot.platform.open_store import open_store
from tradebot.platform.settings import SettingsError
from tradebot.platform.spans import span_ms
from tradebot.platform.store import LAST, DocumentStore, StoreSettings, StoreUnavailableError
from tradebot.platform.topic import read_topic
from tradebot.platform.topics import Topics
from tradebot.records import DocType, ForecastRecord, decode

OF_THE_BOT: Final = (DocType.DECISION, DocType.TICKER, DocType.ORDER, DocType.FILL)


class ReplaySettings(StoreSettings, frozen=True, kw_only=True):
    """Which decisions, and where their documents are."""

    bot: Annotated[str, "name of the bot"]
    since: Annotated[str, "how far to go back from its newest decision, such as 24h, 90m or 7d"] = (
        "24h"
    )
    forecasts: Annotated[
        Literal["documents", "topic"],
        "where predictions come from: the decisions' documents, or the topic of forecasts as far "
        "as it reaches back",
    ] = "documents"
    json: Annotated[bool, "print the result as one JSON object on the last line"] = False


class First(msgspec.Struct, frozen=True, kw_only=True):
    """The first decision that differs."""

    decision_id: str
    window_end: int
    live: str
    replayed: str
    differences: list[str]


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What the replay came to; times are the ends of the first and the last window, ms UTC."""

    bot: str
    decisions: int
    different: int
    start: int
    end: int
    first: First | None

    @property
    def same(self) -> bool:
        """Whether every decision is the same."""
        return not self.different


def recorded(store: DocumentStore, bot: str, since: str) -> dict[str, list[dict[str, Any]]]:
    """The bot's documents of the span that ends with its newest decision, by kind.

    Fills from before the first decision are left out: its account has them.

    Raises:
        SettingsError: the bot has no decision there.
        StoreUnavailableError: the store does not respond.
    """
    newest = store.latest(DocType.DECISION, 1, bot=bot)
    if not newest:
        raise SettingsError(
            f"there is no decision of a bot {bot!r}: check the name, and set the store with "
            "--state-dir or --elasticsearch"
        )
    start = int(newest[0]["ts"]) - span_ms(since)
    found = {str(kind): list(store.between(kind, start, LAST, bot=bot)) for kind in OF_THE_BOT}
    leave_out_earlier_fills(found)
    symbol = str(newest[0]["symbol"])
    found[DocType.LIQUIDITY] = list(store.between(DocType.LIQUIDITY, start, LAST, symbol=symbol))
    return found


def leave_out_earlier_fills(found: dict[str, list[dict[str, Any]]]) -> None:
    """Removes fills from before the first decision: the account that it saw has them."""
    first = min(int(each["ts"]) for each in found[DocType.DECISION])
    found[DocType.FILL] = [fill for fill in found[DocType.FILL] if int(fill["ts"]) > first]


def stored_documents(
    settings: StoreSettings, bot: str, since: str
) -> dict[str, list[dict[str, Any]]]:
    """Reads what `recorded` returns from the settings' store.

    Raises:
        SettingsError: the bot has no decision there.
        ClickException: the store does not respond.
    """
    store = open_store(settings)
    try:
        return recorded(store, bot, since)
    except StoreUnavailableError as error:
        raise click.ClickException(str(error)) from None
    finally:
        store.close()


def judged(
    bot: str, decisions: Sequence[Mapping[str, Any]], compared: Sequence[Compared]
) -> Replayed:
    """Counts what differs, and names the first."""
    ordered = sorted(decisions, key=lambda each: int(each["window_end"]))
    unlike = [number for number, each in enumerate(compared) if each.differences]
    first = None
    if unlike:
        each = compared[unlike[0]]
        first = First(
            decision_id=str(ordered[unlike[0]]["decision_id"]),
            window_end=each.window_end,
            live=each.live,
            replayed=each.replayed.action,
            differences=each.differences,
        )
    return Replayed(
        bot=bot,
        decisions=len(compared),
        different=len(unlike),
        start=compared[0].window_end,
        end=compared[-1].window_end,
        first=first,
    )


def _replay(settings: ReplaySettings) -> None:
    forecasts = None
    if settings.forecasts == "topic":
        values = read_topic(settings, Topics.of(settings).forecasts)
        forecasts = [decode(value, ForecastRecord) for value in values]
    documents = stored_documents(settings, settings.bot, settings.since)
    compared = replay(record(documents, forecasts))
    found = judged(settings.bot, documents[DocType.DECISION], compared)
    for line in lines(found):
        click.echo(line)
    if settings.json:
        content = {**msgspec.structs.asdict(found), "same": found.same}
        click.echo(msgspec.json.encode(content).decode())
    if not found.same:
        raise SystemExit(1)


def lines(found: Replayed) -> list[str]:
    """Returns the result for a person to read: one line, and the first difference below it."""
    span = span_of(found.decisions, found.bot, found.start, found.end)
    if found.first is None:
        return [f"same: {span}, decided again from what was recorded"]
    first = found.first
    return [
        f"DIFFERENT: {found.different:,} of {span}",
        f"first: {first.decision_id}, window ended {_time(first.window_end)}: live {first.live}, "
        f"replayed {first.replayed}",
        *(f"  {difference}" for difference in first.differences),
    ]


def span_of(decisions: int, bot: str, start: int, end: int) -> str:
    """Returns which decisions were decided again; `start` and `end` are ms UTC."""
    return f"{decisions:,} decisions of {bot}, {_time(start)} to {_time(end)} UTC"


def _time(ts: int) -> str:
    return datetime.fromtimestamp(ts / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


command = platform_settings.command(
    ReplaySettings,
    _replay,
    name="replay",
    summary="Decides a bot's windows again from its documents; exits with 1 if one differs.",
    example="tradebot replay btc --since 24h --state-dir .tradebot",
    arguments=("bot",),
)
