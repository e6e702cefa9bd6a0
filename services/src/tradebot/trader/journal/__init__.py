"""The bot's journal and the account that follows from it."""
