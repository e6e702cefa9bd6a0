"""The messages between a user's command and a running trader."""

import msgspec


class Address(msgspec.Struct, frozen=True):
    """The content of `control.json`: where the running trader listens, and its token."""

    url: str
    token: str
    pid: int


class ControlRequest(msgspec.Struct, frozen=True):
    """A user's request, and the reason."""

    because: str = ""
    by: str = ""
