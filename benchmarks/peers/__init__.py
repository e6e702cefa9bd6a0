"""Other packages on the same task, each a script for the peers' own environment."""
