"""Search for a strategy's parameters, and how much of the best result is luck."""
