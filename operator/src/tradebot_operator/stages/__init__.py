"""The stages of a bot: a file for each, and `table.py`, which lists them."""
