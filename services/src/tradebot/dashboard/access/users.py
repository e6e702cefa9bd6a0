"""The page's users: names, roles and hashes of passwords, one line each."""

import hashlib
import hmac
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from tradebot.platform.packages import missing
from tradebot.platform.settings import SettingsError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

Role = Literal["viewer", "operator"]
ROLES: Final[tuple[Role, ...]] = ("viewer", "operator")

GENERATED: Final = "sha256:"
"""The start of a hash of a random password, which needs no slow hash: nobody can guess it."""
MEMORY_KIB: Final = 19_456
"""Of argon2id, with two passes and one lane: OWASP's recommendation."""


class User(msgspec.Struct, frozen=True):
    """A user that may log in."""

    name: str
    role: Role
    hash: str


def read_users(text: str, place: str) -> dict[str, User]:
    """Parses lines of `NAME ROLE HASH`; empty lines and those that start with # are skipped.

    Raises:
        SettingsError: a line is not of that form; the message names it, without the hash.

    >>> read_users("ann operator sha256:00", "users")["ann"].role
    'operator'
    """
    users: dict[str, User] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split()
        if len(parts) != 3 or parts[1] not in ROLES or not _is_hash(parts[2]):
            raise SettingsError(
                f"{place}, line {number}: use NAME ROLE HASH, with the role viewer or operator and "
                "the hash that `tradebot password` prints"
            )
        users[parts[0]] = msgspec.convert(
            {"name": parts[0], "role": parts[1], "hash": parts[2]}, User
        )
    if not users:
        raise SettingsError(f"{place} has no users: add a line NAME ROLE HASH")
    return users


def hashed(password: str) -> str:
    """Returns the argon2id hash of a password, with its parameters and salt.

    Raises:
        SettingsError: argon2-cffi is not installed.
    """
    return str(_hasher().hash(password))


def matches(stored: str, password: str) -> bool:
    """Returns whether a password has this hash; takes some 20 ms by design.

    Raises:
        SettingsError: argon2-cffi is not installed.
    """
    if stored.startswith(GENERATED):
        digest = hashlib.sha256(password.encode()).hexdigest()
        return hmac.compare_digest(stored.removeprefix(GENERATED), digest)
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return bool(_hasher().verify(stored, password))
    except (VerificationError, InvalidHashError):
        return False


def _is_hash(text: str) -> bool:
    return text.startswith(("$argon2id$", GENERATED))


def _hasher() -> "PasswordHasher":
    try:
        from argon2 import PasswordHasher
    except ModuleNotFoundError as error:
        raise missing("a password", error) from None
    return PasswordHasher(time_cost=2, memory_cost=MEMORY_KIB, parallelism=1)
