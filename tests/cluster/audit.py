"""The API server's audit log: who wrote what, and when."""

import json
import subprocess
from collections import Counter
from datetime import UTC, datetime

import pytest
from apiserver import ROOT

TOOL = ROOT.parent / "shared/cluster/cluster"
READS = ("get", "list", "watch")


def now() -> datetime:
    """Returns the time in the log's format."""
    return datetime.now(UTC)


def writes(namespace: str, since: datetime, until: datetime) -> Counter[str]:
    """Counts the writes of each account in a namespace, as `account: verb resource/name`, including
    refused ones. Skips the test if the log cannot be read.
    """
    if not TOOL.exists():
        pytest.skip("needs the API server's audit log, of the cluster tool next to the checkout")
    log = subprocess.run([TOOL, "logs", "audit"], capture_output=True, text=True, check=True)
    user, found = f"system:serviceaccount:{namespace}:", Counter[str]()
    for line in log.stdout.splitlines():
        if user not in line or '"ResponseComplete"' not in line:
            continue
        entry = json.loads(line)
        who, what = str(entry["user"]["username"]), entry.get("objectRef", {})
        at = datetime.fromisoformat(entry["requestReceivedTimestamp"])
        if not who.startswith(user) or entry["verb"] in READS or not since <= at <= until:
            continue
        place = [what.get("resource", ""), what.get("name", ""), what.get("subresource", "")]
        found[f"{who.removeprefix(user)}: {entry['verb']} {'/'.join(filter(None, place))}"] += 1
    return found
