"""All bots: how each does, and the way an order takes to it."""
