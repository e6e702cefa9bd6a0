"""Every `tradebot` command in a runbook is a valid command."""

import re
import shlex
from pathlib import Path

import click
import pytest

from tradebot import cli

RUNBOOKS = Path(__file__).resolve().parents[3] / "docs" / "runbooks"


def commands() -> list[tuple[str, str]]:
    return [
        (page.name, " ".join(text.split()))
        for page in sorted(RUNBOOKS.glob("*.md"))
        for text in re.findall(r"`tradebot ([^`…]+)`", page.read_text())
    ]


@pytest.mark.parametrize(("page", "text"), commands())
def test_a_runbook_s_command_can_be_typed_as_written(page: str, text: str) -> None:
    name, *arguments = shlex.split(text)
    command = cli.main.get_command(click.Context(cli.main), name)
    assert command is not None
    command.make_context(name, arguments)  # raises if an option is unknown or missing


def test_the_runbooks_name_all_commands_that_act_on_a_bot() -> None:
    named = {text.split()[0] for _, text in commands()}
    assert {"status", "pause", "resume", "flatten", "explain", "doctor", "recorder"} <= named
