"""Gates between a signal and an order: one policy per file, each a verdict with its reason."""
