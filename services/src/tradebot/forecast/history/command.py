"""`tradebot history fetch|check`."""

import click


@click.group()
def command() -> None:
    """Fetch, check and convert price history.

    \b
    Example:
      tradebot history check minutes.csv
    """
