"""The results of a run, counted from its documents and logs rather than the stages' own figures."""

import re
from pathlib import Path

import msgspec

from tradebot.demo.runner import Run
from tradebot.demo.settings import DemoSettings
from tradebot.platform.open_store import open_store
from tradebot.platform.settings import load
from tradebot.platform.store import DocumentStore, StoreSettings
from tradebot.records import DocType

MOST = 10_000
"""Limit of documents to read per kind, more than a run of a day writes."""

_ERROR_LINE = re.compile(rb'"level": ?"(?:error|critical)"')


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A run in numbers; `score` is in quote currency."""

    seconds: float
    first_ready_seconds: float | None
    windows: int
    incomplete_windows: int
    decisions: int
    buys: int
    sells: int
    orders: int
    fills: int
    scores: int
    score: float
    halts: int
    documents: int
    errors: int
    restarts: int
    memory_mib: dict[str, float]
    logs: str

    def as_json(self) -> str:
        """Returns one line of JSON."""
        return msgspec.json.encode(self).decode()

    def as_text(self) -> str:
        """Returns some lines for a terminal."""
        return (
            f"{self.seconds:.0f} s: {self.windows} windows ({self.incomplete_windows} incomplete),"
            f" {self.decisions} decisions: {self.buys} buys and {self.sells} sells;"
            f" {self.fills} fills, {self.scores} round trips, score {self.score:+,.2f}\n"
            f"{self.documents} documents, {self.errors} errors, {self.restarts} restarts;"
            f" logs in {self.logs}"
        )


def summarise(settings: DemoSettings, run: Run) -> Summary:
    """Counts the run's documents and errors."""
    # The stages also read the environment, such as a store's user; so must this.
    where = {"state_dir": str(settings.state_dir), "elasticsearch": settings.elasticsearch}
    store = open_store(load(StoreSettings, flags=where))
    try:
        return _count(store, run)
    finally:
        store.close()


def _count(store: DocumentStore, run: Run) -> Summary:
    found = {doc_type: store.latest(doc_type, MOST) for doc_type in DocType}
    actions = [decision["action"] for decision in found[DocType.DECISION]]
    return Summary(
        seconds=run.seconds,
        first_ready_seconds=run.first_ready_seconds,
        windows=len(found[DocType.LIQUIDITY]),
        incomplete_windows=sum(not window["complete"] for window in found[DocType.LIQUIDITY]),
        decisions=len(actions),
        buys=actions.count("buy"),
        sells=actions.count("sell"),
        orders=len(found[DocType.ORDER]),
        fills=len(found[DocType.FILL]),
        scores=len(found[DocType.SCORE]),
        score=round(sum(score["score"] for score in found[DocType.SCORE]), 2),
        halts=sum(halt["state"] == "halted" for halt in found[DocType.HALT]),
        documents=sum(map(len, found.values())),
        errors=count_errors(run.logs),
        restarts=sum(run.restarts.values()),
        memory_mib=run.memory_mib,
        logs=str(run.logs),
    )


def count_errors(logs: Path) -> int:
    """Counts the lines of the stages' logs that report an error."""
    return sum(len(_ERROR_LINE.findall(log.read_bytes())) for log in logs.glob("*.log"))
