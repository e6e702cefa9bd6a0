"""The ingest stage: the venue's order book and trades, into Kafka."""
