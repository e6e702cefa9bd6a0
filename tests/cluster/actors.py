"""Sets the status of pods like a kubelet, and of bots like their traders, when neither runs."""

from http import HTTPStatus

from apiserver import BOTS, Api

NOBODY = {
    stage: {"pod": {"schedulerName": "nobody"}}
    for stage in ("ingest", "liquidity", "forecast", "trader")
}
"""Stages whose pods the test handles itself."""
GOOD = {
    "Reconciled": "True",
    "FeedFresh": "True",
    "WindowsFresh": "True",
    "ModelFresh": "True",
    "Halted": "False",
}
_BEGAN = "2026-01-01T00:00:00Z"


def play_kubelet(api: Api, namespace: str) -> None:
    """Reports every pod of a stage as running and ready; ignores pods deleted meanwhile."""
    pods = f"/api/v1/namespaces/{namespace}/pods"
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": _BEGAN}
    for pod in api.get(pods)["items"]:
        labels = pod["metadata"]["labels"]
        if "tradebot.dev/unit" not in labels or "deletionTimestamp" in pod["metadata"]:
            continue
        container = {
            "name": labels["tradebot.dev/stage"],
            "image": "pinned",
            "imageID": "",
            "restartCount": 0,
            "ready": True,
            "state": {"running": {"startedAt": _BEGAN}},
        }
        status = {"phase": "Running", "conditions": [ready], "containerStatuses": [container]}
        answer = api.merge(f"{pods}/{pod['metadata']['name']}/status", {"status": status})
        if answer.status_code != HTTPStatus.NOT_FOUND:
            answer.raise_for_status()


def play_trader(api: Api, namespace: str, name: str, message: str = "seen", **told: str) -> None:
    """Reports the bot as its trader would: all is well, except for the conditions `told`."""
    conditions = [
        {
            "type": kind,
            "status": status,
            "reason": "Seen",
            "message": message,
            "lastTransitionTime": _BEGAN,
        }
        for kind, status in (GOOD | told).items()
    ]
    body = {
        "apiVersion": "tradebot.dev/v1alpha1",
        "kind": "TradeBot",
        "metadata": {"name": name},
        "status": {"conditions": conditions},
    }
    path = f"{BOTS.format(namespace)}/{name}/status"
    api.apply(path, body, manager=f"trader-{name}").raise_for_status()
