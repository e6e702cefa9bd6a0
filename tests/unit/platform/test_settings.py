"""Settings come from flags, environment, a file and defaults, and errors say how to fix them."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest
from click.testing import CliRunner

from tradebot.platform import stages
from tradebot.platform.settings import Bounds, SettingsError, StageSettings, command, load


class BotSettings(StageSettings, frozen=True, kw_only=True):
    bot: Annotated[str, "the bot's name"]
    risk_fraction: Annotated[Decimal, Bounds(above=0, most=1), "of the balance"] = Decimal("0.05")
    symbols: Annotated[tuple[str, ...], "what it trades"] = ()
    keep: Annotated[bool, "keep what it holds"] = False
    mode: Annotated[Literal["Paper", "Live"], "whose money"] = "Paper"
    most: Annotated[Decimal | None, "greatest balance"] = None
    code: Annotated[str, msgspec.Meta(pattern="^[A-Z]+"), "three capitals"] = "ABC"

    def __post_init__(self) -> None:
        if self.bot == "nobody":
            raise ValueError("bot is 'nobody': give the bot a name")


def test_a_flag_wins_over_the_environment_which_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "bot.toml"
    file.write_text('bot = "file"\nhttp_port = 1\nlog_level = "debug"\n')
    settings = load(
        BotSettings,
        flags={"bot": "flag", "http_port": None},
        environment={"TRADEBOT_BOT": "environment", "TRADEBOT_HTTP_PORT": "2"},
        file=file,
    )
    assert (settings.bot, settings.http_port, settings.log_level) == ("flag", 2, "debug")


def test_a_decimal_in_a_file_is_read_without_passing_through_a_float(tmp_path: Path) -> None:
    file = tmp_path / "bot.yaml"
    file.write_text("bot: a\nrisk_fraction: 0.1\n")
    assert load(BotSettings, environment={}, file=file).risk_fraction == Decimal("0.1")


def test_one_file_serves_every_stage_and_a_slip_in_it_is_still_refused(tmp_path: Path) -> None:
    file = tmp_path / "all.toml"
    file.write_text('bot = "a"\nsilence_seconds = 3\n')
    assert load(BotSettings, environment={}, file=file).bot == "a"
    file.write_text('bot = "a"\nsilense_seconds = 3\n')
    with pytest.raises(SettingsError, match=r"'silense_seconds' is not a setting"):
        load(BotSettings, environment={}, file=file)


def test_the_names_that_a_file_may_hold_are_those_of_the_installed_stages() -> None:
    names = {
        field.name
        for stage in stages.installed()
        for field in msgspec.structs.fields(stages.load(stage.settings))
    }
    assert stages.setting_names() == names
    assert {"quiet_seconds", "grace_ms", "refit_minutes", "risk_fraction", "retention_days"} < names


def test_a_file_that_is_not_text_is_refused_as_such(tmp_path: Path) -> None:
    file = tmp_path / "bot.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"bot\.toml is not a text file; use a settings file"):
        load(BotSettings, environment={}, file=file)


def test_a_list_is_written_with_commas() -> None:
    settings = load(BotSettings, environment={}, flags={"bot": "a", "symbols": "BTCUSD, ETHUSD"})
    assert settings.symbols == ("BTCUSD", "ETHUSD")


def test_a_value_out_of_bounds_names_the_setting_and_the_value() -> None:
    with pytest.raises(SettingsError, match=r"TRADEBOT_RISK_FRACTION is '2': use 1 or less"):
        load(BotSettings, environment={"TRADEBOT_BOT": "a", "TRADEBOT_RISK_FRACTION": "2"})


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("http_port", "many", "--http-port is 'many': use a whole number"),
        ("speed", "fast", "--speed is 'fast': use a number"),
        ("risk_fraction", "half", "--risk-fraction is 'half': use a number"),
        ("mode", "Dead", "--mode is 'Dead': use one of Paper, Live"),
        ("http_port", "99999", "--http-port is '99999': use 65535 or less"),
        ("speed", "0", "--speed is '0': use a number above 0"),
        ("log_level", "loud", "--log-level is 'loud': use one of debug, info, warning, error"),
        ("kafka_security", "X", "--kafka-security is 'X': use one of PLAINTEXT, SSL"),
        ("code", "b", "--code is 'b': use three capitals, in the form"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_what_to_give(
    name: str, value: str, advice: str
) -> None:
    with pytest.raises(SettingsError, match=advice):
        load(BotSettings, environment={}, flags={"bot": "a", name: value})


def test_a_missing_setting_names_its_flag_and_its_variable() -> None:
    with pytest.raises(SettingsError, match="--bot or TRADEBOT_BOT"):
        load(BotSettings, environment={})


def test_a_check_across_fields_says_its_sentence() -> None:
    with pytest.raises(SettingsError, match="give the bot a name"):
        load(BotSettings, environment={}, flags={"bot": "nobody"})


def test_an_unknown_key_in_a_file_lists_the_known_ones(tmp_path: Path) -> None:
    file = tmp_path / "bot.toml"
    file.write_text('bott = "x"\n')
    with pytest.raises(SettingsError, match=r"'bott' is not a setting; use one of .*bot"):
        load(BotSettings, environment={}, file=file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml: No such file"):
        load(BotSettings, environment={}, file=tmp_path / "absent.toml")


def test_a_command_takes_every_field_as_a_flag_and_shows_its_help_and_an_example() -> None:
    seen: list[BotSettings] = []
    stage = command(
        BotSettings, seen.append, name="bot", summary="Trades.", example="tradebot bot --bot a"
    )
    runner = CliRunner(env={})
    assert runner.invoke(stage, ["--bot", "a", "--keep"]).exit_code == 0
    assert seen[0].keep is True
    text = runner.invoke(stage, ["--help"]).output
    assert "--risk-fraction" in text
    assert "tradebot bot --bot a" in text
    assert "[default: 0.05]" in text


@pytest.mark.parametrize(
    "taken", ["--mode [Paper|Live]", "--risk-fraction DECIMAL", "--most DECIMAL", "--bot TEXT"]
)
def test_help_says_what_a_flag_takes(taken: str) -> None:
    stage = command(BotSettings, lambda _: None, name="bot", summary="Trades.", example="bot")
    text = " ".join(CliRunner().invoke(stage, ["--help"]).output.split())
    assert taken in text
