"""Why a trade happened, from the stored documents of its decision.

The decision is made again by the pure rule from its stored inputs.
"""

from typing import Any

import msgspec

from tradebot.documents import differences
from tradebot.domain.decision import decide
from tradebot.domain.situation import read_stored
from tradebot.platform.store import DocumentStore


class UnexplainedError(Exception):
    """There is no such document, or it belongs to no decision; the message says which."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known of one decision."""

    document: dict[str, Any]
    decision: dict[str, Any]
    orders: list[dict[str, Any]]
    fills: list[dict[str, Any]]
    scores: list[dict[str, Any]]
    journal: list[dict[str, Any]]
    replay: dict[str, Any]
    same: bool
    differences: list[str]


def explain(store: DocumentStore, name: str) -> Explanation:
    """Returns what led to a document, and its results; without lines of a journal.

    Args:
        name: id of a decision, or of a document that belongs to one.

    Raises:
        UnexplainedError: there is no such document, or it belongs to no decision.
        StoreUnavailableError: the store does not respond.
    """
    found = store.find("_id", name)
    if not found:
        of_decision = store.find("decision_id", name)
        found = [each for each in of_decision if each["doc_type"] == "decision"]
    if not found:
        raise UnexplainedError(
            f"no decision or document has the id {name}: use an id from the log, "
            "the dashboard or Kibana, and set the store with --state-dir or --elasticsearch"
        )
    document = found[0]
    decided = document.get("decision_id") or document.get("trip_id")
    related = store.find("decision_id", decided) if decided else []
    decision = next((d for d in related if d["doc_type"] == "decision"), None)
    if decision is None:
        raise UnexplainedError(
            f"document {name} ({document['doc_type']}) does not belong to a stored "
            "decision; use the id of a decision, an order, a fill or a score"
        )
    stored = read_stored(decision["inputs"])
    again = decide(stored.state, stored.inputs, stored.settings)
    differing = differences(decision, again)
    return Explanation(
        document=document,
        decision=decision,
        orders=[d for d in related if d["doc_type"] == "order"],
        fills=[d for d in related if d["doc_type"] == "fill"],
        scores=[document] if document["doc_type"] == "score" else [],
        journal=[],
        replay=msgspec.to_builtins(again),
        same=not differing,
        differences=differing,
    )
