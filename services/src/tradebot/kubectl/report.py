"""The support bundle: what somebody else needs to see, without secrets."""

import io
import json
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tradebot import __version__
from tradebot.kubectl.cluster import Kubectl, note
from tradebot.kubectl.redaction import redacted, redacted_text

LOG_LINES = "2000"


def files(kubectl: Kubectl, name: str) -> Iterator[tuple[str, str]]:
    """Yields the bundle's files: name and text, redacted.

    What cannot be read is a file with kubectl's message, so that a user with few rights still gets
    a bundle.

    Raises:
        ClickException: the bot does not exist.
    """
    bot = kubectl.bot(name)
    yield "tradebot.yaml", _yaml(bot)
    yield "version.txt", redacted_text(f"tradebot {__version__}\n{kubectl.attempt('version')}")
    yield "tradebots.txt", redacted_text(kubectl.attempt("get", "tradebots", "-o", "wide"))
    for kind in ("deployments", "pods"):
        yield f"{kind}.yaml", _yaml(kubectl.stages(kind, bot))
    yield "configmaps.yaml", _listed(kubectl, "configmaps", "-l", "tradebot.dev/stage")
    yield (
        "events.txt",
        redacted_text(kubectl.attempt("get", "events", "--sort-by=.lastTimestamp", "-o", "wide")),
    )
    for pod in kubectl.stages("pods", bot):
        place = pod["metadata"]["name"]
        note(f"reading the logs of {place} ...")
        logs = ("logs", place, "--all-containers", f"--tail={LOG_LINES}")
        yield f"logs/{place}.log", redacted_text(kubectl.attempt(*logs))
        restarted = any(
            each.get("restartCount") for each in pod.get("status", {}).get("containerStatuses", [])
        )
        if restarted:
            yield f"logs/{place}.previous.log", redacted_text(kubectl.attempt(*logs, "--previous"))


def write(kubectl: Kubectl, name: str, path: Path) -> list[str]:
    """Writes the bundle as a .tar.gz; returns the names of its files.

    Raises:
        ClickException: the bot does not exist.
        OSError: the file cannot be written.
    """
    names = []
    with tarfile.open(path, "w:gz") as bundle:
        for inner, text in files(kubectl, name):
            data = text.encode()
            member = tarfile.TarInfo(f"{path.name.removesuffix('.tar.gz')}/{inner}")
            member.size, member.mtime = len(data), int(time.time())
            bundle.addfile(member, io.BytesIO(data))
            names.append(inner)
    return names


def _listed(kubectl: Kubectl, *arguments: str) -> str:
    text = kubectl.attempt("get", *arguments, "-o", "json")
    try:
        return _yaml(json.loads(text)["items"])
    except (ValueError, LookupError):
        return redacted_text(text)


def _yaml(value: Any) -> str:
    text: str = yaml.safe_dump(redacted(value), sort_keys=False, allow_unicode=True)
    return text
