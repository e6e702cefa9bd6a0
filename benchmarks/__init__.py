"""Benchmarks, each compared with a peer in the same run: `tradebot bench`, `make bench`.

A module here has functions that answer a mapping with `name`, `ours`, `peer`, `ratio` (ours over
peer, so that more is better) and `unit`, and more where a measurement has more to say.
"""
