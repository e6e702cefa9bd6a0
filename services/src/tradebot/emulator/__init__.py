"""A Gemini exchange on this machine: REST, sockets, matching, accounts and faults on demand."""
