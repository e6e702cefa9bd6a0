"""Which records are plausible: one file for each kind of record, pure functions.

Each `fault` returns `None`, or one sentence why the record cannot be right. A stage sends a record
with a fault to the dead letters; the record then changes nothing else: no mark, clock, checkpoint
or cache.
"""
