"""A trader started by hand has the defaults of a TradeBot, field by field."""

from decimal import Decimal

import msgspec
import pytest
from releases.made_children import bot, children

from tradebot.platform.settings import load
from tradebot.trader.settings import TraderSettings, rules

LIVE = {"mode": "Live", "venue": {"environment": "Sandbox", "credentialsSecret": "keys"}}
PLACES = {
    "kafka", "topic_prefix", "state_dir", "journal", "lease", "report", "namespace", "pod_name",
    "generation", "bot", "symbol", "environment", "api_key_file", "api_secret_file",
    "http_host", "http_port", "log_format", "emulator_url", "kafka_embedded", "forecaster",
    "proposer", "store", "store_url",
}  # fmt: skip
"""Where a trader runs and what it is called; nothing about how it trades."""


def of_a_tradebot() -> TraderSettings:
    """The settings that the operator gives the trader of a Live bot that sets nothing."""
    made = children(bot(**LIVE), "trader")
    data = next(item["data"] for item in made if item["kind"] == "ConfigMap")
    pod = {"TRADEBOT_POD_NAME": "btc-trader-0"}
    return load(
        TraderSettings, environment={name: str(value) for name, value in data.items()} | pod
    )


def by_hand() -> TraderSettings:
    """The settings of `tradebot trader --mode Live` with its keys alone."""
    keys = {"api_key_file": "/keys/api-key", "api_secret_file": "/keys/api-secret"}
    return load(TraderSettings, flags={"mode": "Live", **keys}, environment={})


def test_a_live_trader_started_by_hand_decides_by_a_tradebot_s_rules() -> None:
    assert rules(by_hand()) == rules(of_a_tradebot())


@pytest.mark.parametrize(
    "name", sorted({field.name for field in msgspec.structs.fields(TraderSettings)} - PLACES)
)
def test_each_setting_of_a_tradebot_has_the_command_line_s_default(name: str) -> None:
    limits = {"max_position", "max_daily_loss", "max_drawdown"}  # the rules hold them
    if name not in limits:
        assert getattr(of_a_tradebot(), name) == getattr(by_hand(), name)


def test_limits_can_be_turned_off_by_name_and_are_off_on_paper() -> None:
    off = {"max_position": "none", "max_daily_loss": Decimal(0), "max_drawdown": Decimal(0)}
    without = rules(msgspec.structs.replace(by_hand(), **off))
    paper = rules(load(TraderSettings, environment={}))
    for made in (without, paper):
        assert (made.max_position, made.max_daily_loss, made.max_drawdown) == (None, None, None)
