"""Checks of a strategy: lookahead, warm-up, determinism and speed, one file each."""
