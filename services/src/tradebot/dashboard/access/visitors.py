"""Who asks: by a session's cookie, by a trusted proxy's headers, or the machine's own user."""

import getpass
import hmac
import ipaddress
import secrets
from collections.abc import Mapping
from typing import Final

import msgspec
from starlette.requests import Request

from tradebot.dashboard.access.sessions import Sessions
from tradebot.dashboard.access.users import Role, User
from tradebot.dashboard.settings import DashboardSettings

COOKIE: Final = "tradebot_session"
CSRF_HEADER: Final = "X-CSRF-Token"


class Visitor(msgspec.Struct, frozen=True):
    """Who asks. `csrf` must come back with every act; `session` is empty without a login."""

    user: str
    role: Role
    csrf: str
    session: str = ""

    @property
    def acts(self) -> bool:
        """Whether they may pause, resume and flatten."""
        return self.role == "operator"


class Visitors:
    """Identifies visitors.

    Args:
        users: those that may log in with a password; empty if nobody does.
        guarded: whether visitors must log in; else everybody is the machine's user.
        open_role: the role of everybody where nobody logs in.
    """

    def __init__(
        self,
        settings: DashboardSettings,
        users: Mapping[str, User],
        sessions: Sessions,
        *,
        open_role: Role = "operator",
    ) -> None:
        self.users = users
        self.sessions = sessions
        self._networks = [ipaddress.ip_network(each) for each in settings.proxy_addresses]
        self._user_header = settings.proxy_user_header
        self._groups_header = settings.proxy_groups_header
        self._operators = frozenset(settings.proxy_operators)
        self._open_role: Role = open_role
        self._key = secrets.token_bytes(32)

    @property
    def guarded(self) -> bool:
        """Whether visitors must log in."""
        return bool(self.users or self._networks)

    def identify(self, request: Request, *, touch: bool = True) -> Visitor | None:
        """Returns who asks; `None` if they have to log in first."""
        if not self.guarded:
            return self._visitor(_machine_user(), self._open_role, "open")
        token = request.cookies.get(COOKIE, "")
        session = self.sessions.find(token, touch=touch) if token else None
        if session is not None:
            return self._visitor(session.user, session.role, token, token)
        return self._of_proxy(request)

    def trusts(self, visitor: Visitor, request: Request) -> bool:
        """Returns whether a request to act comes from this page and not from another one."""
        origin = request.headers.get("origin", "")
        own = not origin or origin.partition("://")[2] == request.headers.get("host", "")
        given = request.headers.get(CSRF_HEADER, "")
        return own and hmac.compare_digest(given.encode(), visitor.csrf.encode())

    def _of_proxy(self, request: Request) -> Visitor | None:
        user = request.headers.get(self._user_header, "")
        if not user or not self._from_proxy(request.client.host if request.client else ""):
            return None
        groups = request.headers.get(self._groups_header, "")
        names = {user, *(group.strip() for group in groups.split(","))}
        role: Role = "operator" if names & self._operators else "viewer"
        return self._visitor(user, role, f"proxy:{user}")

    def _from_proxy(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._networks)

    def _visitor(self, user: str, role: Role, secret: str, session: str = "") -> Visitor:
        csrf = hmac.new(self._key, secret.encode(), "sha256").hexdigest()
        return Visitor(user, role, csrf, session)


def _machine_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
