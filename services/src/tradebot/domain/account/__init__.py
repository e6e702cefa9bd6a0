"""The account of a bot: its position, its round trips, and the one fold that gives its state."""
