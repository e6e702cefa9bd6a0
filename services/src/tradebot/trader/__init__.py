"""The trader stage: decisions, written down before they become orders, and their outcome."""
