"""From the exchange's event to the order, in the whole pipeline at the exchange's own speed.

Windows are two seconds long here, so that a few minutes have many; the length has no effect on what
follows a window's end. A window closes when the first event passes its end plus grace. From that
event's timestamp on, everything counts: the socket, Kafka twice, Faust, the venue's prices and the
decision; the response to an order comes on top. Needs a real Kafka at `TRADEBOT_TEST_KAFKA`.
"""

import json
import os
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np

from tradebot.domain.situation import Stored
from tradebot.platform.settings import StageSettings, variable
from tradebot.platform.sqlite_store import SqliteStore
from tradebot.platform.topic import read_topic
from tradebot.platform.topics import Topics
from tradebot.records import DocType, FeedRecord, decode

SECONDS, WINDOW_SECONDS, GRACE_MS = 180, 2, 1000
SETTINGS = {
    "window_seconds": WINDOW_SECONDS,
    "silence_seconds": 1.5,
    "grace_ms": GRACE_MS,
    "cooldown_seconds": 0,
    "max_orders_per_hour": 10_000,
}


def measure() -> dict[str, Any]:
    """Returns percentiles in ms from the closing event on; we know of no peer that publishes them.

    Raises:
        ClickException: no Kafka is given.
    """
    kafka = os.environ.get("TRADEBOT_TEST_KAFKA")
    if not kafka:
        raise click.ClickException("latency needs a real Kafka: set TRADEBOT_TEST_KAFKA to it")
    prefix = f"latency{uuid.uuid4().hex[:8]}-"
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        done = subprocess.run(
            [
                sys.executable, "-m", "tradebot", "demo", "--speed", "1", "--for", str(SECONDS),
                "--json", "--no-open", "--port", "0", "--state-dir", str(state),
                "--kafka", kafka,
            ],
            env={
                **os.environ,
                **{variable(k): str(v) for k, v in SETTINGS.items()},
                variable("topic_prefix"): prefix,
            },
            capture_output=True,
            text=True,
            check=True,
        )  # fmt: skip
        summary = json.loads(done.stdout.splitlines()[-1])
        store = SqliteStore(state / "documents.sqlite")
        decisions = store.latest(DocType.DECISION, 10_000)
        orders = store.latest(DocType.ORDER, 10_000)
        store.close()
    seen = [msgspec.json.decode(d["inputs"], type=Stored).inputs for d in decisions[:-5]]
    events = _stamps(StageSettings(kafka=kafka, topic_prefix=prefix))
    closing = events[np.searchsorted(events, [inputs.window.end + GRACE_MS for inputs in seen])]
    lags = np.array([inputs.now for inputs in seen], float) - closing
    answers = np.array([o["latency_seconds"] for o in orders if o["latency_seconds"]]) * 1000
    return {
        "name": "latency",
        "ours": float(np.quantile(lags, 0.99)),
        "peer": None,
        "ratio": None,
        "unit": "ms, p99 event to decision",
        "p50_ms": float(np.median(lags)),
        "p90_ms": float(np.quantile(lags, 0.9)),
        "windows": len(lags),
        "orders": len(answers),
        "order_p50_ms": float(np.median(answers)) if len(answers) else None,
        "order_worst_ms": float(answers.max()) if len(answers) else None,
        "errors": summary["errors"],
    }


def _stamps(settings: StageSettings) -> np.ndarray:
    """Returns the times of all feed events that are not a first book, ascending, ms."""
    values = read_topic(settings, Topics.of(settings).feed)
    records = (decode(value, FeedRecord) for value in values)
    return np.sort([record.ts for record in records if record.reason != "initial"])
