"""Closed minutes: a symbol's trades and windows, joined into one record per minute."""
