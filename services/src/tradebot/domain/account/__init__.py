"""The account of a bot: its position, its trips, and the one fold that gives its state."""
