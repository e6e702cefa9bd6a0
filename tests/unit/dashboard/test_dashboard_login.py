"""Who may open the page: users, sessions, limited attempts, and a proxy that is trusted."""

from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from tradebot.dashboard.access.attempts import PER_NAME, WINDOW_SECONDS, Attempts
from tradebot.dashboard.access.command import command
from tradebot.dashboard.access.sessions import (
    AGE_SECONDS,
    IDLE_SECONDS,
    IN_ALL,
    PER_USER,
    Sessions,
)
from tradebot.dashboard.access.users import User, hashed, matches, read_users
from tradebot.dashboard.access.visitors import Visitors
from tradebot.dashboard.board import Board
from tradebot.dashboard.server import application
from tradebot.dashboard.settings import DashboardSettings
from tradebot.dashboard.stage import visitors_of
from tradebot.platform.settings import SettingsError

PASSWORD = "correct horse battery"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def users() -> dict[str, User]:
    stored = hashed(PASSWORD)
    return {role: User(role, role, stored) for role in ("viewer", "operator")}  # type: ignore[arg-type]


def guarded(users: dict[str, User], **settings: object) -> httpx.AsyncClient:
    """A client of a page with these users."""
    made = DashboardSettings(**settings)  # type: ignore[arg-type]
    app = application(
        Board("BTCUSD", "Emulator", 1.0), visitors=Visitors(made, users, Sessions()), settings=made
    )
    transport = httpx.ASGITransport(app=app, client=("10.0.0.9", 5000))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


async def log_in(client: httpx.AsyncClient, name: str, password: str = PASSWORD) -> httpx.Response:
    return await client.post("/login", json={"name": name, "password": password})


async def test_without_a_login_nothing_but_the_form_is_served(users: dict[str, User]) -> None:
    async with guarded(users) as client:
        for path in ("/", "/bots/btc"):
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        for path in ("/events", "/events/bots", "/api/me", "/api/explain/btc-1"):
            assert (await client.get(path)).status_code == 401
        assert (await client.post("/api/bots/btc/pause", json={})).status_code == 401
        assert (await client.get("/login")).status_code == 200
        assert (await client.get("/static/style.css")).status_code == 200


async def test_a_login_opens_the_page_with_a_cookie_no_script_or_other_site_can_use(
    users: dict[str, User],
) -> None:
    async with guarded(users, secure_cookies=True) as client:
        answer = await log_in(client, "viewer")
        cookie = answer.headers["set-cookie"].lower()
        assert answer.status_code == 200
        assert "httponly" in cookie and "samesite=strict" in cookie and "secure" in cookie


async def test_a_session_ends_by_logging_out(users: dict[str, User]) -> None:
    async with guarded(users) as client:
        await log_in(client, "viewer")
        me = (await client.get("/api/me")).json()
        assert (me["user"], me["role"], me["acts"]) == ("viewer", "viewer", False)
        assert (await client.post("/api/logout")).status_code == 403
        token = {"X-CSRF-Token": me["csrf"]}
        assert (await client.post("/api/logout", headers=token)).status_code == 200
        assert (await client.get("/api/me")).status_code == 401


@pytest.mark.parametrize(
    ("name", "password"), [("viewer", "wrong"), ("nobody", PASSWORD), ("", "")]
)
async def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(
    users: dict[str, User], name: str, password: str
) -> None:
    async with guarded(users) as client:
        answer = await log_in(client, name, password)
        assert answer.status_code == 401
        assert answer.json() == {"error": "the name or the password is wrong"}


async def test_after_ten_failures_even_the_right_password_has_to_wait(
    users: dict[str, User],
) -> None:
    async with guarded(users) as client:
        for _ in range(PER_NAME):
            assert (await log_in(client, "viewer", "wrong")).status_code == 401
        assert (await log_in(client, "viewer")).status_code == 429
        assert (await log_in(client, "operator")).status_code == 200


def test_failures_are_forgotten_after_a_while_and_by_a_success() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(PER_NAME):
        attempts.failed("ann", "10.0.0.1")
    assert attempts.wait("ann", "10.0.0.2") == WINDOW_SECONDS
    attempts.succeeded("ann")
    assert attempts.wait("ann", "10.0.0.2") == 0
    for _ in range(PER_NAME):
        attempts.failed("ann", "10.0.0.1")
    clock.now += WINDOW_SECONDS + 1
    assert attempts.wait("ann", "10.0.0.1") == 0


def test_many_names_from_one_address_are_limited_too() -> None:
    attempts = Attempts(Clock())
    for number in range(50):
        attempts.failed(f"user-{number}", "10.0.0.1")
    assert attempts.wait("ann", "10.0.0.1") > 0
    assert attempts.wait("ann", "10.0.0.2") == 0


def test_an_idle_session_ends() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    token = sessions.open("ann", "viewer")
    clock.now += IDLE_SECONDS + 1
    assert sessions.find(token) is None


def test_a_session_ends_after_its_age_however_busy_it_is() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    token = sessions.open("ann", "viewer")
    end = clock.now + AGE_SECONDS
    while clock.now + 600 < end:
        clock.now += 600
        assert sessions.find(token)
    clock.now = end + 1
    assert sessions.find(token) is None


def test_an_open_stream_does_not_keep_a_session_alive() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    token = sessions.open("ann", "viewer")
    clock.now += IDLE_SECONDS - 1
    assert sessions.find(token, touch=False)
    clock.now += 2
    assert sessions.find(token, touch=False) is None


def test_the_number_of_sessions_is_limited_by_user_and_in_all() -> None:
    sessions = Sessions(Clock())
    first = sessions.open("ann", "viewer")
    for _ in range(PER_USER):
        sessions.open("ann", "viewer")
    assert sessions.find(first) is None and len(sessions) == PER_USER
    for number in range(IN_ALL + 5):
        sessions.open(f"user-{number}", "viewer")
    assert len(sessions) == IN_ALL


PROXY = {"proxy_addresses": ("10.0.0.0/24",), "proxy_operators": ("traders",)}


async def test_a_trusted_proxy_names_the_user_and_their_role_by_group(
    users: dict[str, User],
) -> None:
    async with guarded(users, **PROXY) as client:
        named = {"X-Forwarded-User": "ann"}
        me = (await client.get("/api/me", headers=named)).json()
        assert (me["user"], me["role"]) == ("ann", "viewer")
        grouped = named | {"X-Forwarded-Groups": "staff, traders"}
        assert (await client.get("/api/me", headers=grouped)).json()["role"] == "operator"


@pytest.mark.parametrize("settings", [{}, {"proxy_addresses": ("10.1.0.0/24",)}])
async def test_headers_from_elsewhere_are_ignored(
    users: dict[str, User], settings: dict[str, object]
) -> None:
    async with guarded(users, **settings) as client:
        answer = await client.get("/api/me", headers={"X-Forwarded-User": "ann"})
        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("host", "role"), [("127.0.0.1", "operator"), ("::1", "operator"), ("*", "viewer")]
)
def test_without_users_only_this_machine_may_act(host: str, role: str) -> None:
    visitors = visitors_of(DashboardSettings(host=host))
    assert not visitors.guarded and visitors._open_role == role


def test_a_line_for_a_user_is_printed_and_read_again(tmp_path: Path) -> None:
    arguments = ["ann", "--role", "operator", "--password", PASSWORD]
    line = CliRunner().invoke(command, arguments).output
    user = read_users(line, "users")["ann"]
    assert user.role == "operator" and user.hash.startswith("$argon2id$")
    assert matches(user.hash, PASSWORD) and not matches(user.hash, "wrong")


@pytest.mark.parametrize("text", ["ann", "ann boss $argon2id$x", "ann viewer plain", "", "# none"])
def test_a_wrong_file_of_users_names_the_line_and_the_form(text: str) -> None:
    with pytest.raises(SettingsError, match="NAME ROLE HASH") as refused:
        read_users(text, "users")
    assert "plain" not in str(refused.value)


def test_a_short_password_is_refused() -> None:
    result = CliRunner().invoke(command, ["ann", "--password", "short"])
    assert result.exit_code == 1 and "at least 12" in result.output


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="proxy_addresses has 'proxy'"):
        DashboardSettings(proxy_addresses=("proxy",))
