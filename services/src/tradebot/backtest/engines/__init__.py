"""Two engines with the same semantics: event-driven for any strategy, compiled for arrays."""
