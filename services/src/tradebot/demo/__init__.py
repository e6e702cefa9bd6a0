"""The whole line on one machine: every stage a process, supervised."""
