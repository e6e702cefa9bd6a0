"""Runs the user's kubectl, so that contexts, namespaces, logins and rights are the user's."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from tradebot.kubectl.bots import Object, serves

PLURAL = "tradebots.tradebot.dev"


class Kubectl(msgspec.Struct, frozen=True):
    """kubectl with the flags that choose cluster and namespace."""

    flags: tuple[str, ...] = ()

    def run(self, *arguments: str) -> str:
        """Returns what kubectl prints.

        Raises:
            ClickException: kubectl is not installed, or fails; with its own message.
        """
        answer = self._call(arguments)
        if answer.returncode != 0:
            raise click.ClickException(answer.stderr.strip() or f"kubectl {arguments[0]} failed")
        return answer.stdout

    def attempt(self, *arguments: str) -> str:
        """Returns what kubectl prints, or its message if it fails.

        Raises:
            ClickException: kubectl is not installed.
        """
        answer = self._call(arguments)
        return answer.stdout if answer.returncode == 0 else answer.stderr

    def stream(self, *arguments: str) -> int:
        """Runs kubectl on the user's terminal; returns its exit status."""
        command = [_kubectl(), *self.flags, *arguments]
        return subprocess.run(command, check=False).returncode  # noqa: S603  # no shell

    def get(self, *arguments: str) -> dict[str, Any]:
        """Returns `kubectl get … -o json`.

        Raises:
            ClickException: see `run`.
        """
        found: dict[str, Any] = json.loads(self.run("get", *arguments, "-o", "json"))
        return found

    def bot(self, name: str) -> dict[str, Any]:
        """Returns a TradeBot.

        Raises:
            ClickException: it does not exist, or cannot be read.
        """
        return self.get(PLURAL, name)

    def stages(self, kind: str, bot: Object) -> list[dict[str, Any]]:
        """Returns the pods or Deployments of the bot's stages.

        Raises:
            ClickException: they cannot be read.
        """
        items = self.get(kind, "-l", "tradebot.dev/stage")["items"]
        return [item for item in items if serves(item, bot)]

    def _call(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        command = [_kubectl(), *self.flags, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # no shell


def _kubectl() -> str:
    found = shutil.which("kubectl")
    if found is None:
        raise click.ClickException("kubectl is not on PATH: install it, then try again")
    return found


def note(text: str) -> None:
    """Writes progress to the terminal, not into the output."""
    click.echo(text, file=sys.stderr)
