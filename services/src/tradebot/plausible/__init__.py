"""Which records can be true: one file for each kind of record, pure functions.

Each `fault` says in one sentence why a record cannot be true, or returns `None`. A stage puts a
record with a fault into the dead letters and changes nothing else by it: no mark, clock,
checkpoint or cache.
"""
