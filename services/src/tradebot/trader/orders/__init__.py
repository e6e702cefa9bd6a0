"""From an intent to a known outcome, with the venue or on paper."""
