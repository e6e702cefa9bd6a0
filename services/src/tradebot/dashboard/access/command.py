"""`tradebot password`: a line for the page's file of users."""

import click

from tradebot.dashboard.access.users import ROLES, hashed

LEAST: int = 12


@click.command(
    "password",
    short_help="hash a password for a user of the dashboard",
    help="Asks for a password, and prints a line for --users-file with its argon2id hash.\n\n"
    "\b\nExample:\n  tradebot password ann --role operator >> users",
)
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(ROLES),
    default="viewer",
    show_default=True,
    help="viewer (looks) or operator (pauses, resumes and flattens too)",
)
@click.password_option(help="password; asked for if it is not given")
def command(name: str, role: str, password: str) -> None:
    """See the help text."""
    if len(password) < LEAST:
        raise click.ClickException(f"use a password of at least {LEAST} characters")
    if name.split() != [name] or name.startswith("#"):
        raise click.ClickException(f"{name!r} cannot be a user's name: use no spaces and no #")
    click.echo(f"{name} {role} {hashed(password)}")
