"""`tradebot explain ID`: why a trade happened, and whether the same would be decided again.

The id is a decision's, as in logs and lists, or that of a document that belongs to one. Reads the
decision's documents, and its lines in the journal if that is on this machine, and runs the pure
decision again from its stored inputs.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import click
import msgspec

from tradebot import explanation
from tradebot.explanation import Explanation, UnexplainedError
from tradebot.platform.open_store import open_store
from tradebot.platform.settings import command as make_command
from tradebot.platform.store import DocumentStore, StoreSettings, StoreUnavailableError
from tradebot.trader.journal.entries import Entry, Intended, OrderEvent
from tradebot.trader.journal.store import JournalError, SqliteJournal


class ExplainSettings(StoreSettings, frozen=True, kw_only=True):
    """Which document, and where documents and journals are."""

    document: Annotated[str, "id of a decision, or of a document that belongs to one"]
    json: Annotated[bool, "print one JSON object instead of text"] = False


def explain(store: DocumentStore, settings: ExplainSettings) -> Explanation:
    """Returns what led to the document, and its results, with the journal's lines.

    Raises:
        ClickException: there is no such document, or it belongs to no decision.
    """
    try:
        found = explanation.explain(store, settings.document)
    except UnexplainedError as error:
        raise click.ClickException(str(error)) from None
    journal = [msgspec.to_builtins(entry) for entry in _journal(settings, found.decision)]
    return msgspec.structs.replace(found, journal=journal)


def _journal(settings: ExplainSettings, decision: dict[str, Any]) -> Iterator[Entry]:
    """Yields the journal's lines about the decision's order, if the journal is a file here."""
    path = settings.state_dir / decision["bot"] / "journal.sqlite"
    client_order_id = decision["client_order_id"]
    if not client_order_id or not path.exists():
        return
    journal = SqliteJournal(path)
    try:
        for entry in journal.read():
            match entry.body:
                case Intended(intent=intent) if intent.client_order_id == client_order_id:
                    yield msgspec.structs.replace(entry, documents=())
                case OrderEvent() if entry.body.client_order_id == client_order_id:
                    yield msgspec.structs.replace(entry, documents=())
    except JournalError as error:
        raise click.ClickException(str(error)) from None
    finally:
        journal.close()


def lines(found: Explanation) -> list[str]:
    """Returns the explanation as lines for a user."""
    decision = found.decision
    shown = [
        f"{found.document['doc_type']} {found.document['_id']} of bot {decision['bot']},"
        f" {decision['symbol']}, {decision['mode']}, epoch {decision['epoch']}",
        f"decision  {decision['action']} (signal {decision['signal']}): {decision['reason']}",
        f"window    ended {_time(decision['window_end'])},"
        f" {'complete' if decision['complete'] else 'incomplete'}; ratio {decision['ratio']}"
        f" (band {decision['band_min_bps'] / 10_000:g} to {decision['band_max_bps'] / 10_000:g})",
        f"forecast  {decision['model'] or 'none'} {decision['digest']},"
        f" {decision['model_age_seconds']} s old; log price {decision['forecast_log_price']},"
        f" delta {decision['delta']}",
    ]
    if decision.get("proposal"):
        shown.append(
            f"proposal  {decision['proposal']} of {decision['strategy']}: {decision['proposed']}"
        )
    for verdict in decision["verdicts"]:
        mark = "ok " if verdict["passed"] else "NO "
        shown.append(f"gate      {mark} {verdict['gate']}: {verdict['reason']}")
    shown += [
        f"order     {o['client_order_id']} ({o['order_id']}): {o['side']} {o['original_amount']}"
        f" at {o['price']}, {o['state']}, executed {o['executed_amount']}"
        f" at {o['avg_execution_price']} {o['reason']}".rstrip()
        for o in found.orders
    ]
    shown += [
        f"fill      {f['trade_id']}: {f['amount']} at {f['price']}, fee {f['fee']}"
        f" {f['fee_currency']}"
        for f in found.fills
    ]
    shown += [f"score     {s['score']} on {s['amount']}, fees {s['fees']}" for s in found.scores]
    shown += [
        f"journal   line {entry['number']}, epoch {entry['epoch']}, {_time(entry['ts'])}:"
        f" {_what(entry['body'])}"
        for entry in found.journal
    ]
    verdict = "same decision" if found.same else "DIFFERENT decision"
    shown.append(f"run again {verdict}")
    return shown + [f"          {difference}" for difference in found.differences]


def _what(body: dict[str, Any]) -> str:
    event = body.get("event")
    return f"{body['type']} {event['type']}" if event else str(body["type"])


def _time(ts: int) -> str:
    return datetime.fromtimestamp(ts / 1000, UTC).isoformat(timespec="milliseconds")


def run(settings: ExplainSettings) -> None:
    """Prints the explanation.

    Raises:
        ClickException: there is nothing to explain, or the store does not respond.
    """
    try:
        store = open_store(settings)
        found = explain(store, settings)
    except StoreUnavailableError as error:
        raise click.ClickException(str(error)) from None
    if settings.json:
        click.echo(json.dumps(msgspec.to_builtins(found)))
    else:
        click.echo("\n".join(lines(found)))


command = make_command(
    ExplainSettings,
    run,
    name="explain",
    summary="Shows why a trade happened, and whether the same inputs give the same decision again.",
    example="tradebot explain btc-1795546080000 --state-dir .tradebot",
    arguments=("document",),
)
