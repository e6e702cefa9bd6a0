"""`python -m tradebot` is the `tradebot` command."""

from tradebot.cli import main

main()
