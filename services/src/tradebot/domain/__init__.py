"""The rules of trading, pure: no I/O, no clock, no environment, nothing of ours imported."""
