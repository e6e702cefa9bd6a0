"""`tradebot diff`: what a changed TradeBot would have decided on its bot's own records."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import click
import msgspec

from tradebot.backtest.replay import Recording, record, seen_of
from tradebot.backtest.replay_command import span_of, stored_documents
from tradebot.diff import spec
from tradebot.diff.foretell import Course, Foretold, foretell
from tradebot.domain.decision import Decision
from tradebot.domain.instrument import split_symbol
from tradebot.domain.money import plain
from tradebot.platform import settings as platform_settings
from tradebot.platform.settings import SettingsError
from tradebot.platform.store import StoreSettings


class DiffSettings(StoreSettings, frozen=True, kw_only=True):
    """The changed bot, and where the documents of the running one are."""

    file: Annotated[Path, "file with the changed TradeBot"]
    since: Annotated[str, "how far to go back from its newest decision, such as 24h, 90m or 7d"] = (
        "24h"
    )
    json: Annotated[bool, "print the result as one JSON object on the last line"] = False


class First(msgspec.Struct, frozen=True, kw_only=True):
    """The first window decided differently, and what made the difference."""

    window_end: int
    because: str
    before: str
    after: str


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What the change comes to; profits are in `quote`, times ms UTC.

    `recorded_orders` are those that the bot really sent.
    """

    bot: str
    windows: int
    different: int
    orders_before: int
    orders_after: int
    profit_before: Decimal
    profit_after: Decimal
    quote: str
    recorded_orders: int
    start: int
    end: int
    first: First | None


def compare(recording: Recording, changed: spec.Changed) -> Difference:
    """Decides the recording under its own rules and under the changed ones.

    Raises:
        SettingsError: the change asks for what was not recorded.
    """
    newest = recording.decisions[-1]
    models = [str(each["model"]) for each in recording.decisions if each.get("model")]
    rules = spec.rules_of(changed, seen_of(newest).settings, models[-1] if models else "")
    if changed.settings.symbol != str(newest["symbol"]):
        raise SettingsError(
            f"spec.symbol is {changed.settings.symbol}, but {changed.bot} recorded "
            f"{newest['symbol']}: a bot's symbol never changes"
        )
    before, after = foretell(recording), foretell(recording, rules)
    unlike = [pair for pair in zip(before.rows, after.rows, strict=True) if _differ(*pair)]
    return Difference(
        bot=changed.bot,
        windows=len(before.rows),
        different=len(unlike),
        orders_before=before.orders,
        orders_after=after.orders,
        profit_before=_cents(before),
        profit_after=_cents(after),
        quote=split_symbol(changed.settings.symbol)[1],
        recorded_orders=len(recording.orders),
        start=before.rows[0].window_end,
        end=before.rows[-1].window_end,
        first=_first(*unlike[0]) if unlike else None,
    )


def _differ(before: Foretold, after: Foretold) -> bool:
    return _act(before.decision) != _act(after.decision)


def _act(decision: Decision) -> tuple[str, Decimal, Decimal | None, str, str]:
    """What a decision does, without the wording of its reasons."""
    return (decision.action, decision.amount, decision.price, decision.gate, decision.exit)


def _first(before: Foretold, after: Foretold) -> First:
    old, new = before.decision, after.decision
    because = next(
        (now or was for was, now in ((old.exit, new.exit), (old.gate, new.gate)) if was != now),
        "amount" if old.amount != new.amount else "price",
    )
    return First(window_end=after.window_end, because=because, before=_told(old), after=_told(new))


def _told(decision: Decision) -> str:
    if decision.action == "hold":
        return f"hold: {decision.reason}"
    return f"{decision.action} {plain(decision.amount)} at {decision.price}: {decision.reason}"


def _cents(course: Course) -> Decimal:
    return course.profit.quantize(Decimal("0.01"))


def lines(found: Difference) -> list[str]:
    """Returns the difference for a person."""
    span = span_of(found.windows, found.bot, found.start, found.end)
    if found.first is None:
        return [f"no difference: {span}: {found.orders_before} orders, "
                f"profit {found.profit_before} {found.quote}"]  # fmt: skip
    first = found.first
    clock = datetime.fromtimestamp(first.window_end / 1000, UTC).strftime("%H:%M")
    return [
        f"{found.orders_before} orders become {found.orders_after}, profit {found.profit_before} "
        f"becomes {found.profit_after} {found.quote}, first difference {clock} ({first.because})",
        f"{found.different:,} of {span} differ",
        f"  now:     {first.before}",
        f"  changed: {first.after}",
    ]


def _diff(settings: DiffSettings) -> None:
    changed = spec.read(settings.file)
    documents = stored_documents(settings, changed.bot, settings.since)
    found = compare(record(documents, None), changed)
    for line in lines(found):
        click.echo(line)
    if settings.json:
        click.echo(msgspec.json.encode(found).decode())


command = platform_settings.command(
    DiffSettings,
    _diff,
    name="diff",
    summary="Shows what a changed TradeBot would have decided on what its bot recorded.",
    example="tradebot diff bot.yaml --since 24h --state-dir .tradebot",
    arguments=("file",),
)
