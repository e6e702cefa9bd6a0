"""An account: its holdings, its orders and fills, and the demo's accounts and keys."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import msgspec
import yaml

from tradebot.domain.money import ZERO, Side
from tradebot.emulator.accounts.fees import FeeRates, Liquidity, tier
from tradebot.emulator.accounts.keys import Key, NonceRule, Role
from tradebot.emulator.accounts.ledger import Holdings
from tradebot.emulator.matching.orders import ExchangeOrder
from tradebot.platform.settings import SettingsError

THIRTY_DAYS = 30 * 86_400_000


class AccountFill(msgspec.Struct, frozen=True):
    """One execution of an account's order; `ts` is exchange time, ms."""

    tid: int
    ts: int
    symbol: str
    side: Side
    price: int
    amount: int
    value: Decimal
    fee: Decimal
    fee_currency: str
    liquidity: Liquidity
    order_id: int
    client_order_id: str | None


class Ticket(msgspec.Struct):
    """An account's order with what the venue records of it."""

    order: ExchangeOrder
    symbol: str
    session: str
    client_order_id: str | None
    created: int
    stop: int
    fees: FeeRates
    spent: Decimal = ZERO
    executed: int = 0
    reason: str = ""
    cancelled: bool = False
    closed_at: int = 0
    fills: list[AccountFill] = msgspec.field(default_factory=list)

    @property
    def remaining(self) -> int:
        """The unfilled amount, as reported to the account."""
        return self.order.amount - self.executed

    @property
    def is_live(self) -> bool:
        """Whether it can still fill or be cancelled."""
        return not self.cancelled and self.closed_at == 0 and self.remaining > 0


class ExchangeAccount:
    """One account of the exchange."""

    def __init__(
        self,
        name: str,
        number: int,
        holdings: dict[str, Decimal],
        reserved: dict[int, tuple[str, Decimal]] | None = None,
    ) -> None:
        self.name = name
        self.number = number
        self.ledger = Holdings(holdings, reserved)
        self.live: dict[int, Ticket] = {}
        self.closed: list[Ticket] = []
        self.fills: list[AccountFill] = []

    def volume(self, now: int) -> Decimal:
        """Returns the volume of the last thirty days, in quote currency."""
        recent = (fill.value for fill in self.fills if fill.ts > now - THIRTY_DAYS)
        return sum(recent, ZERO)

    def tier(self, now: int) -> FeeRates:
        """Returns the fees that apply, by the volume up to the last midnight."""
        midnight = now // 86_400_000 * 86_400_000
        past = (fill.value for fill in self.fills if midnight - THIRTY_DAYS < fill.ts <= midnight)
        return tier(sum(past, ZERO))


class KeySpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key in the accounts file."""

    key: str
    secret: str
    roles: list[Role] = msgspec.field(default_factory=lambda: ["Trader"])
    nonce: NonceRule = "counter"
    heartbeat: bool = False


class AccountSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account in the accounts file; amounts are decimal strings."""

    name: str
    balances: dict[str, Decimal]
    keys: list[KeySpec]


DEMO = AccountSpec(
    name="primary",
    balances={"USD": Decimal(100_000), "BTC": Decimal(10), "ETH": Decimal(100)},
    keys=[
        KeySpec("account-demo", "demo-secret"),
        KeySpec("account-demo-time", "demo-secret", nonce="time"),
        KeySpec("account-demo-heartbeat", "demo-secret", heartbeat=True),
        KeySpec("account-demo-auditor", "demo-secret", roles=["Auditor"]),
        KeySpec("master-demo", "demo-secret"),
    ],
)
"""The account if neither a file nor a name is given."""

REPORT = msgspec.structs.replace(
    DEMO,
    balances={"USD": Decimal(100_000), "BTC": Decimal(1_000)}
    | dict.fromkeys(("ETH", "BCH", "LTC", "ZEC"), Decimal(20_000)),
)
"""The same keys with the balances of the original pipeline's sandbox account."""

NAMED: Mapping[str, AccountSpec] = {"demo": DEMO, "report": REPORT}
"""The accounts of the setting `account`."""


def read_accounts(path: str) -> list[AccountSpec]:
    """Reads the accounts of a YAML file, a list of `{name, balances, keys}`.

    Raises:
        SettingsError: the file cannot be read, or is not such a list.
    """
    try:
        content = yaml.safe_load(Path(path).read_text())
        return msgspec.convert(content, list[AccountSpec], strict=False)
    except OSError as error:
        raise SettingsError(f"accounts file {path}: {error.strerror}") from None
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise SettingsError(f"accounts file {path}: {error}; see docs/emulator.md") from None


def keys_of(spec: AccountSpec) -> list[Key]:
    """Builds an account's keys."""
    return [
        Key(each.key, each.secret, spec.name, list(each.roles), each.nonce, each.heartbeat)
        for each in spec.keys
    ]
