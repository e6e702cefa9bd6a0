"""What a person may order of a bot, and how the order reaches its trader.

On one machine a command calls the running trader. In a cluster it is written to the bot's TradeBot,
as `spec.control`, and the trader obeys that alone.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import httpx
import msgspec

TIMEOUT: Final = 30.0
"""Seconds; a flatten may take several orders."""

Act = Literal["pause", "resume", "flatten"]
State = Literal["Running", "Paused", "Flat"]

STATES: Final[dict[Act, State]] = {"pause": "Paused", "resume": "Running", "flatten": "Flat"}
"""The state in which each act leaves a bot."""


class Address(msgspec.Struct, frozen=True):
    """The content of `control.json`: where the running trader listens, and its token."""

    url: str
    token: str
    pid: int


class ControlRequest(msgspec.Struct, frozen=True):
    """A user's request, and the reason."""

    because: str = ""
    by: str = ""


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """`spec.control` of a TradeBot: the state that a person wants, why, who, and when.

    A trader acts once on each: on one that differs in any field from the last that it obeyed.
    """

    state: State
    because: str
    by: str = ""
    at: str = ""

    @property
    def act(self) -> Act:
        """What leads to the state."""
        return next(act for act, state in STATES.items() if state == self.state)


class ControlError(Exception):
    """A trader could not be asked, or it refused; the message says why."""


def order(act: Act, *, because: str, by: str) -> dict[str, Any]:
    """Returns the merge patch of a TradeBot that orders an act now.

    >>> sorted(order("pause", because="lunch", by="ann")["spec"]["control"])
    ['at', 'because', 'by', 'state']
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    control = Control(state=STATES[act], because=because, by=by, at=now)
    return {"spec": {"control": msgspec.to_builtins(control)}}


def ask(
    state_dir: Path, bot: str, act: str, request: ControlRequest | None = None
) -> dict[str, Any]:
    """Returns the response of the trader on this machine; without `request` it only reports.

    Raises:
        ControlError: no trader runs for the bot under that folder, or it refused.
    """
    for name in ("control.json", "standby.json"):  # a standby responds if it is alone
        try:
            address = msgspec.json.decode((state_dir / bot / name).read_bytes(), type=Address)
            return _ask(address, bot, act, request)
        except (OSError, msgspec.DecodeError, httpx.TransportError):
            continue
    raise ControlError(
        f"no trader of bot {bot} is running under {state_dir}: check the bot's name and its "
        "--state-dir"
    )


def _ask(address: Address, bot: str, act: str, request: ControlRequest | None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {address.token}"}
    if request is None:
        answer = httpx.get(f"{address.url}/{act}", headers=headers, timeout=TIMEOUT)
    else:
        answer = httpx.post(
            f"{address.url}/{act}",
            headers=headers,
            timeout=TIMEOUT,
            content=msgspec.json.encode(request),
        )
    if answer.status_code != 200:
        raise ControlError(
            f"the trader of {bot} rejected this ({answer.status_code}): {answer.text.strip()}"
        )
    found: dict[str, Any] = answer.json()
    return found
