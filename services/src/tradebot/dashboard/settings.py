"""Settings of the dashboard."""

import ipaddress
from typing import Annotated, Literal

import msgspec

from tradebot.platform.store import StoreSettings
from tradebot.venue.settings import Environment

Symbol = Annotated[
    str, msgspec.Meta(pattern="^[A-Z0-9]{5,12}$"), ("symbol shown first, such as BTCUSD")
]


class DashboardSettings(StoreSettings, frozen=True, kw_only=True):
    """Settings of the page."""

    host: Annotated[str, "address that serves the page"] = "127.0.0.1"
    port: Annotated[
        int, msgspec.Meta(ge=0, le=65535), "port that serves the page; 0 chooses a free one"
    ] = 8080
    allowed_hosts: Annotated[
        tuple[str, ...],
        "names, separated by commas, by which browsers open the page, such as that of a reverse"
        " proxy; addresses, localhost and names in the cluster are always allowed",
    ] = ()
    symbol: Symbol = "BTCUSD"
    environment: Annotated[
        Environment, ("venue environment shown: Emulator, Sandbox or Production")
    ] = "Emulator"
    control: Annotated[
        Literal["machine", "kubernetes", "none"],
        "whom orders of the page go to: machine (the traders under --state-dir), kubernetes (the"
        " TradeBots of --namespace) or none",
    ] = "machine"
    namespace: Annotated[str, "namespace of the TradeBots, with --control kubernetes"] = "default"
    users_file: Annotated[
        str,
        "file with a line NAME ROLE HASH for each user, ROLE viewer or operator, HASH as `tradebot"
        " password` prints it; default: no login, and only this machine's user may act",
    ] = ""
    proxy_addresses: Annotated[
        tuple[str, ...],
        "addresses, as CIDRs separated by commas, of a proxy that logs users in, such as"
        " oauth2-proxy; headers from elsewhere are ignored",
    ] = ()
    proxy_user_header: Annotated[str, "header in which the proxy names the user"] = (
        "X-Forwarded-User"
    )
    proxy_groups_header: Annotated[str, "header in which the proxy lists the user's groups"] = (
        "X-Forwarded-Groups"
    )
    proxy_operators: Annotated[
        tuple[str, ...],
        "users and groups of the proxy that may act, separated by commas; others only look",
    ] = ()
    secure_cookies: Annotated[bool, "send the session's cookie over HTTPS only"] = False
    stages: Annotated[
        tuple[str, ...],
        "stages whose readiness is shown, name=URL of their health port, separated by commas",
    ] = ()

    def __post_init__(self) -> None:
        """Checks that stages are written `name=URL`, and proxies as addresses."""
        for address in self.proxy_addresses:
            _network(address)
        for stage in self.stages:
            name, separator, url = stage.partition("=")
            if not (name and separator and url.startswith("http")):
                raise ValueError(
                    f"stages has {stage!r}: use name=URL for each, such as "
                    "ingest=http://127.0.0.1:9101"
                )


def _network(text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(
            f"proxy_addresses has {text!r}: use an address or a CIDR, such as 10.42.0.7/32"
        ) from None
