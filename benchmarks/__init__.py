"""Benchmarks, each compared with a peer in the same run: `tradebot bench`, `make bench`.

A module has functions that return a mapping with `name`, `ours`, `peer`, `ratio` (ours over peer,
so that more is better) and `unit`, and further figures if a measurement has them.
"""
