"""A person's hand on a running trader: status, pause, resume, flatten."""
