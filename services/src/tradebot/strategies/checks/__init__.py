"""Checks of a strategy: lookahead, warm-up, determinism and speed, each a file."""
