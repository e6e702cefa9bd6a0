"""Price history: read, check, fetch and keep minutes of a symbol."""
