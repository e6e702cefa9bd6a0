"""Gates between a signal and an order: one policy a file, each a verdict with its reason."""
