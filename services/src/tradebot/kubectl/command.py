"""The commands of `kubectl tradebot`."""

import getpass
import json
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from tradebot.kubectl import report
from tradebot.kubectl.bots import condition, in_flow, lines
from tradebot.kubectl.cluster import PLURAL, Kubectl, note
from tradebot.platform.control import Act, order

TRADER = "trader"
RESTART_ANNOTATION: Final = "tradebot.dev/restart"
"""The generation that may take effect, for the operator."""
OBEYED_SECONDS: Final = 15
TOLD: Final[dict[Act, str]] = {
    "pause": "{bot} is paused: it does not buy until you resume it",
    "resume": "{bot} is resumed; losses are measured from now on",
    "flatten": "{bot} is paused, and sells what it holds; see `kubectl tradebot status {bot}`",
}


def _choose(context: click.Context, option: click.Parameter, value: str) -> None:
    """Passes the namespace or the context on to kubectl; of two, the later one counts."""
    chosen: Kubectl = context.obj or Kubectl()
    if value:
        context.obj = Kubectl((*chosen.flags, f"{option.opts[-1]}={value}"))
    else:
        context.obj = chosen


def _place() -> list[click.Option]:
    """Returns the options that choose cluster and namespace, as kubectl's own."""
    option = partial(click.Option, default="", expose_value=False, callback=_choose)
    return [
        option(["-n", "--namespace"], help="namespace; default: the context's"),
        option(["--context"], help="context of the kubeconfig"),
    ]


class Command(click.Command):
    """A command that takes kubectl's options after its name, as `kubectl get` does."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.params += _place()


class Group(click.Group):
    """The commands, with kubectl's options before or after a command's name."""

    command_class = Command


@click.group(cls=Group, params=_place(), context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Shows and controls trading bots in a Kubernetes cluster.

    Uses your kubectl with its context and your rights.
    """


bot_argument = click.argument("bot")
because_option = click.option(
    "--because", help="reason; kept in the journal and shown with the bot"
)


@main.command("list")
@click.option("-A", "--all-namespaces", is_flag=True, help="bots of all namespaces")
@click.pass_obj
def list_bots(kubectl: Kubectl, all_namespaces: bool) -> None:
    """Lists the bots with position, profit and the reason for their state."""
    click.echo(kubectl.run("get", PLURAL, *(["-A"] if all_namespaces else [])), nl=False)


@main.command()
@bot_argument
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
@click.pass_obj
def status(kubectl: Kubectl, bot: str, as_json: bool) -> None:
    """Shows a bot's numbers, conditions and pods."""
    found = kubectl.bot(bot)
    if as_json:
        click.echo(json.dumps(found.get("status", {})))
        return
    click.echo("\n".join(lines(found, kubectl.stages("pods", found))))


@main.command()
@bot_argument
@because_option
@click.pass_obj
def pause(kubectl: Kubectl, bot: str, because: str | None) -> None:
    """Pauses a bot: it does not buy until it is resumed."""
    _order(kubectl, bot, "pause", because or "a person asked for it")


@main.command()
@bot_argument
@click.option("--because", required=True, help="reason; kept in the journal")
@click.pass_obj
def resume(kubectl: Kubectl, bot: str, because: str) -> None:
    """Lifts a pause or a halt."""
    _order(kubectl, bot, "resume", because)


@main.command()
@bot_argument
@because_option
@click.option("--yes", is_flag=True, help="do not ask for the bot's name")
@click.pass_obj
def flatten(kubectl: Kubectl, bot: str, because: str | None, yes: bool) -> None:
    """Sells everything that a bot holds, and pauses it."""
    kubectl.bot(bot)
    if not yes and click.prompt(f"This sells what {bot} holds. Type its name") != bot:
        raise click.ClickException("that is not the bot's name; nothing was sold")
    _order(kubectl, bot, "flatten", because or "a person asked for it")


@main.command()
@bot_argument
@click.pass_obj
def restart(kubectl: Kubectl, bot: str) -> None:
    """Restarts a bot's trader, or applies the edits of a bot with updatePolicy Manual.

    A trader continues from its journal.
    """
    found = kubectl.bot(bot)
    drift = condition(found, "ConfigDrift")
    if drift.get("status") == "True":
        generation = found["metadata"]["generation"]
        kubectl.run("annotate", PLURAL, bot, f"{RESTART_ANNOTATION}={generation}", "--overwrite")
        edits = drift["message"].partition("to apply the edits of ")[2] or drift["message"]
        click.echo(f"{bot}: applying generation {generation}: {edits}")
        return
    click.echo(kubectl.run("rollout", "restart", f"deployment/{TRADER}-{bot}"), nl=False)


@main.command()
@bot_argument
@click.argument("document")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
@click.pass_obj
def explain(kubectl: Kubectl, bot: str, document: str, as_json: bool) -> None:
    """Shows why a decision, order or fill happened; DOCUMENT is its id."""
    environment = kubectl.bot(bot)["spec"].get("venue", {}).get("environment", "Sandbox").lower()
    recorders = kubectl.get("deployments", "-l", "app.kubernetes.io/part-of=tradebot")["items"]
    names = [item["metadata"]["name"] for item in recorders]
    found = [name for name in names if "-recorder-" in name and name.endswith(environment)]
    if not found:
        raise click.ClickException(
            f"no recorder of environment {environment} runs in this namespace: run this in the "
            "release's namespace (-n), or use `tradebot explain` with --elasticsearch"
        )
    flags = ["--json"] if as_json else []
    place = ("exec", f"deployment/{found[0]}", "--")
    sys.exit(kubectl.stream(*place, "tradebot", "explain", document, *flags))


@main.command()
@bot_argument
@click.option("-f", "--follow", is_flag=True, help="continue with new lines")
@click.option("--since", default="10m", show_default=True, help="how far back, such as 5m or 2h")
@click.option("--stage", default="", help="only this stage")
@click.pass_obj
def logs(kubectl: Kubectl, bot: str, follow: bool, since: str, stage: str) -> None:
    """Shows the logs of all stages of a bot, each line with its pod."""
    found = kubectl.bot(bot)
    pods = in_flow(kubectl.stages("pods", found))
    chosen = [pod for pod in pods if stage in ("", pod["metadata"]["labels"]["tradebot.dev/stage"])]
    if not chosen:
        raise click.ClickException(f"bot {bot} has no pods{f' of stage {stage}' if stage else ''}")
    if follow:
        units = ",".join(sorted({pod["metadata"]["labels"]["tradebot.dev/unit"] for pod in chosen}))
        selector = f"tradebot.dev/unit in ({units})"
        sys.exit(kubectl.stream("logs", "-l", selector, "-f", "--prefix", f"--since={since}"))
    merged = []
    for pod in chosen:
        name = pod["metadata"]["name"]
        text = kubectl.attempt("logs", name, f"--since={since}", "--timestamps", "--all-containers")
        merged += [(line.partition(" ")[0], name, line) for line in text.splitlines()]
    for time, name, line in sorted(merged):
        click.echo(f"{time} {name} {line.removeprefix(time).strip()}")


@main.command("report")
@bot_argument
@click.option("--out", type=click.Path(path_type=Path), help="file; default: BOT-TIME.tar.gz")
@click.pass_obj
def write_report(kubectl: Kubectl, bot: str, out: Path | None) -> None:
    """Writes a support bundle: resources, events and logs, without secrets."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    path = out or Path(f"{bot}-{stamp}.tar.gz")
    try:
        names = report.write(kubectl, bot, path)
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}") from None
    note(f"{len(names)} files; look at them before you send them")
    click.echo(str(path))


def _order(kubectl: Kubectl, bot: str, act: Act, because: str) -> None:
    """Writes an order to the TradeBot, and waits until its trader has obeyed it."""
    patch = order(act, because=because, by=_user(kubectl))
    manager = "--field-manager=kubectl-tradebot"
    kubectl.run("patch", PLURAL, bot, "--type=merge", manager, "-p", json.dumps(patch))
    ordered = patch["spec"]["control"]
    obeyed = f"--for=jsonpath={{.status.control.at}}={ordered['at']}"
    try:
        kubectl.run("wait", f"{PLURAL}/{bot}", obeyed, f"--timeout={OBEYED_SECONDS}s")
    except click.ClickException:
        raise click.ClickException(
            f"{bot} is ordered to be {ordered['state']}, but its trader has not acted within "
            f"{OBEYED_SECONDS} s; it will as soon as it runs: see `kubectl tradebot status {bot}`"
        ) from None
    click.echo(TOLD[act].format(bot=bot))


def _user(kubectl: Kubectl) -> str:
    """Returns the user as the API server knows them, or as this machine does."""
    found = kubectl.attempt("auth", "whoami", "-o", "json")
    try:
        return str(json.loads(found)["status"]["userInfo"]["username"])
    except (ValueError, LookupError):
        return getpass.getuser()
