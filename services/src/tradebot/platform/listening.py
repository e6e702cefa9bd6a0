"""Listening sockets, on IPv4, IPv6 or both."""

import ipaddress
import socket
from typing import Final

from tradebot.platform.settings import SettingsError

ANY: Final = "*"
"""The host that means every address of the machine, IPv4 and IPv6."""


def listen(host: str, port: int, *, flag: str = "--port") -> socket.socket:
    """Returns a listening socket on `host`, which may be a name, an address or `*`.

    Raises:
        SettingsError: the port is taken, or the address is not this machine's. The message names
            `flag`, the option that chooses another port.
    """
    error: OSError | None = None
    for family, address in _addresses(host):
        try:
            return _listener(family, address, port)
        except OSError as failed:
            error = error or failed
    assert error is not None
    raise SettingsError(
        f"cannot serve on {bracketed(host)}:{port}: {error.strerror}; choose a free port with "
        f"{flag}, or another host"
    ) from None


def bracketed(host: str) -> str:
    """The host as a URL writes it.

    >>> bracketed("::1"), bracketed("127.0.0.1")
    ('[::1]', '127.0.0.1')
    """
    return f"[{host}]" if ":" in host else host


def local(host: str) -> str:
    """The host by which this machine reaches a server that listens on `host`.

    >>> local("*"), local("::"), local("0.0.0.0"), local("10.1.2.3")
    ('127.0.0.1', '[::1]', '127.0.0.1', '10.1.2.3')
    """
    known = {ANY: "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
    return bracketed(known.get(host, host))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens on `host`.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "*", "10.1.2.3")]
    [True, True, True, False, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _addresses(host: str) -> list[tuple[socket.AddressFamily, str]]:
    """Returns the addresses to try in turn: a machine without IPv6 refuses its addresses."""
    if host == ANY:
        return [(socket.AF_INET6, "::"), (socket.AF_INET, "0.0.0.0")]  # noqa: S104
    return [(socket.AF_INET6 if ":" in host else socket.AF_INET, host)]


def _listener(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    # Without IPPROTO_TCP asyncio leaves Nagle's algorithm on: each response waits 40 ms for an ack.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address == "::":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((address, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener
