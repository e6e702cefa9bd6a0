"""The rules of trading, pure: no I/O, no clock, no environment, no imports from outside."""
