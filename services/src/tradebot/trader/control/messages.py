"""What a person's command and a running trader say to each other."""

import msgspec


class Address(msgspec.Struct, frozen=True):
    """What `control.json` says: where the running trader listens, and the word that opens it."""

    url: str
    token: str
    pid: int


class ControlRequest(msgspec.Struct, frozen=True):
    """What a person asks for, and why."""

    because: str = ""
    by: str = ""
