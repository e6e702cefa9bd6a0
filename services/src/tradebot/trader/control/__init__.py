"""Controls a running trader: status, pause, resume, flatten."""
