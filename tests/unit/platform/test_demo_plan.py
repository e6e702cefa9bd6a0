"""The demo's plan: its processes, their settings, and what is refused before they start."""

import io
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from tradebot.cli import commands
from tradebot.demo.process import StageProcess
from tradebot.demo.runner import MARKER, check, choose_ports, prepare_state
from tradebot.demo.settings import DemoSettings
from tradebot.demo.stages import Ports, environment, for_a_shell, in_demo, key_files, plan
from tradebot.demo.summary import count_errors
from tradebot.demo.view import TerminalView
from tradebot.platform.settings import SettingsError

PORTS = Ports(own={"emulator": 1, "dashboard": 2}, health={stage.name: 3 for stage in in_demo()})


def test_every_stage_of_the_plan_is_a_command() -> None:
    assert {stage.name for stage in plan(DemoSettings(), PORTS)} <= set(commands())


def test_what_trades_waits_for_the_venue() -> None:
    stages = {stage.name: stage for stage in plan(DemoSettings(), PORTS)}
    assert stages["emulator"].needs == ()
    assert "emulator" in stages["trader"].needs


def test_a_market_file_goes_to_the_emulator_alone() -> None:
    stages = plan(DemoSettings(market="bars.csv"), PORTS)
    assert [stage.name for stage in stages if "bars.csv" in stage.arguments] == ["emulator"]


def test_the_keys_are_files_and_never_in_the_environment() -> None:
    values = environment(DemoSettings(), PORTS, "broker:9092").values()
    assert not any("demo-secret" in value for value in values)


def test_both_that_need_the_store_get_its_address() -> None:
    stages = plan(DemoSettings(elasticsearch="http://es:9200"), PORTS)
    told = [stage.name for stage in stages if "http://es:9200" in stage.arguments]
    assert told == ["recorder", "dashboard"]


def test_a_shell_reads_the_environment_as_it_is() -> None:
    given = {"TRADEBOT_MODEL_OPTIONS": '{"daily": 48}', "TRADEBOT_STATE_DIR": "/a folder/it's"}
    script = for_a_shell(given) + "env -0"
    read = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert given.items() <= dict(line.split("=", 1) for line in read.split("\0") if line).items()


def test_every_listener_gets_a_port_of_its_own() -> None:
    ports = choose_ports(DemoSettings(port=0))
    every = [*ports.own.values(), *ports.health.values()]
    assert len(set(every)) == len(every)


def test_an_earlier_run_is_replaced_and_the_keys_are_readable_by_their_owner_alone(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "demo"
    prepare_state(folder).close()
    (folder / "old").touch()
    prepare_state(folder).close()
    assert not (folder / "old").exists()
    assert {file.stat().st_mode & 0o777 for file in key_files(folder)} == {0o600}


def test_a_folder_in_which_a_demo_runs_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with prepare_state(folder):
        (folder / "documents.sqlite").touch()
        with pytest.raises(SettingsError, match="another demo is running there; stop it"):
            prepare_state(folder)
        assert (folder / "documents.sqlite").exists()
    prepare_state(folder).close()
    assert not (folder / "documents.sqlite").exists()


def test_a_model_that_there_is_not_ends_the_demo_at_its_first_refusal(tmp_path: Path) -> None:
    ended = subprocess.run(
        [
            sys.executable, "-m", "tradebot", "demo", "--model", "Oracle", "--port", "0",
            "--no-open", "--state-dir", str(tmp_path / "state"), "--for", "60",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )  # fmt: skip
    assert ended.returncode == 1
    assert " cannot start: " in ended.stderr.splitlines()[-1]
    assert "'Oracle': use one of" in ended.stderr.splitlines()[-1]
    assert "starting again in 2 s" not in ended.stderr


def test_a_line_of_a_log_is_not_broken_at_the_width_of_a_terminal() -> None:
    written = io.StringIO()
    process = StageProcess(plan(DemoSettings(), PORTS)[0], {}, Path())
    process.reasons = {"late": "word " * 40}
    TerminalView(Console(file=written, width=80))([process], 1.0, "http://page")
    assert len(written.getvalue().splitlines()) == 1


def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(SettingsError, match="contains files that are not from a demo"):
        prepare_state(tmp_path)
    assert not (tmp_path / MARKER).exists()


def test_a_market_file_that_is_not_there_is_refused_before_anything_starts() -> None:
    with pytest.raises(SettingsError, match=r"--market is 'absent.csv': there is no such file"):
        check(DemoSettings(market="absent.csv", port=0))


def test_a_taken_port_is_refused_with_the_way_out() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"port {port} is in use: .*--port"):
            check(DemoSettings(port=port))


def test_errors_are_counted_from_the_logs(tmp_path: Path) -> None:
    lines = [{"event": "a", "level": "info"}, {"event": "b", "level": "error"}]
    (tmp_path / "x.log").write_text("\n".join(map(json.dumps, lines)))
    assert count_errors(tmp_path) == 1
