"""The two engines of one meaning: an event engine for any strategy, a compiled one for arrays."""
