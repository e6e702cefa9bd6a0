"""Which names a request may ask the dashboard by: a defence against DNS rebinding.

A web page may have its own name resolve to this machine, and then read the dashboard with the
visitor's browser. Its requests carry that name in the Host header. Names that nobody can register
in public DNS are safe: addresses, names of one label, and those of a cluster.
"""

import ipaddress
from collections.abc import Collection
from typing import Final

CLUSTER: Final = (".svc", ".svc.cluster.local", ".localhost")


def allowed(header: str, hosts: Collection[str]) -> bool:
    """Returns whether a Host header names this server.

    Args:
        hosts: names that are allowed in addition, without a port.

    >>> [allowed(h, ()) for h in ("127.0.0.1:8080", "[::1]:8080", "localhost", "evil.example:8080")]
    [True, True, True, False]
    >>> allowed("bots.example.com", ["bots.example.com"])
    True
    """
    name = _without_port(header).lower().rstrip(".")
    if not name:
        return False
    if name in {host.lower() for host in hosts} or name.endswith(CLUSTER):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." not in name and ":" not in name
    return True


def _without_port(header: str) -> str:
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.rpartition(":")[0] if ":" in header else header
