"""Who may open the page, and who may act on it."""
