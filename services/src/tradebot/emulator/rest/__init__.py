"""The REST interface, public and private."""
