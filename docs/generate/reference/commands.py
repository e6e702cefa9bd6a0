"""The page of all commands, from the commands themselves."""

from collections.abc import Iterator

import click

from reference.table import cell, code, table
from tradebot import cli
from tradebot.kubectl.command import main as kubectl_plugin

INTRODUCTION = """# Commands

Every command shows its options with `--help`. A stage's options are also environment variables
and keys of a settings file: see [Settings](settings.md). Commands with `--json` print one JSON
object as their last line.
"""


def page() -> str:
    """Returns the page."""
    parts = [INTRODUCTION, "## tradebot\n", *_described(cli.main, "tradebot")]
    parts += ["## kubectl tradebot\n", *_described(kubectl_plugin, "kubectl tradebot")]
    return "\n".join(parts)


def _described(command: click.Command, name: str, level: int = 3) -> Iterator[str]:
    """Describes a command and those below it."""
    context = click.Context(command, info_name=name)
    if not isinstance(command, click.Group):
        yield from _body(command, context)
        return
    yield table(
        ["command", "what it does"],
        [
            [code(f"{name} {child}"), cell(_summary(command, context, child))]
            for child in command.list_commands(context)
        ],
    )
    for child in command.list_commands(context):
        found = command.get_command(context, child)
        assert found is not None, f"{name} {child} is listed and cannot be loaded"
        yield f"{'#' * level} {name} {child}\n"
        yield from _described(found, f"{name} {child}", level + 1)


def _summary(group: click.Group, context: click.Context, name: str) -> str:
    found = group.get_command(context, name)
    assert found is not None
    return found.get_short_help_str(200)


def _body(command: click.Command, context: click.Context) -> Iterator[str]:
    yield _prose(command.help or "")
    parameters = [p for p in command.get_params(context) if p.name != "help"]
    arguments = [p for p in parameters if isinstance(p, click.Argument)]
    if arguments:
        names = " ".join(argument.make_metavar(context) for argument in arguments)
        yield f"Arguments: `{names}`\n"
    options = [p for p in parameters if isinstance(p, click.Option) and not p.hidden]
    if options:
        yield table(["option", "what it does"], [_option(each, context) for each in options])


def _option(option: click.Option, context: click.Context) -> list[str]:
    record = option.get_help_record(context)
    assert record is not None
    return [code(record[0]), cell(record[1])]


def _prose(text: str) -> str:
    """Returns a command's help as Markdown: what click does not wrap becomes a block of code."""
    parts = []
    for part in text.split("\n\n"):
        lines = part.strip("\n").splitlines()
        if lines and lines[0].strip() == "\b":
            lines = lines[1:]
            title = lines.pop(0) if lines and lines[0].rstrip().endswith(":") else ""
            block = "\n".join(line.removeprefix("  ") for line in lines)
            parts.append(f"{title}\n\n```sh\n{block}\n```\n".lstrip())
        else:
            parts.append(" ".join(line.strip() for line in lines) + "\n")
    return "\n".join(parts)
