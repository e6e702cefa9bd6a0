"""`kubectl tradebot`: what it asks of kubectl, what it shows, and a report without secrets."""

import json
import os
import stat
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from tradebot.kubectl.bots import serves
from tradebot.kubectl.command import main
from tradebot.kubectl.redaction import redacted, redacted_text

SECRET = "hunter2-0123456789abcdef"

FAKE = """#!{python}
import json, pathlib, sys
folder = pathlib.Path({folder!r})
arguments = [each for each in sys.argv[1:] if not each.startswith("--namespace=")]
with (folder / "calls").open("a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
key = " ".join(arguments[:2]) if arguments[0] in ("get", "logs") else arguments[0]
file = folder / (key.replace("/", "_").replace(" ", "_") + ".out")
if not file.exists():
    sys.exit(f'Error from server (NotFound): "{{key}}" not found')
print(file.read_text(), end="")
"""


def bot(**status: Any) -> dict[str, Any]:
    return {
        "kind": "TradeBot",
        "metadata": {"name": "btc"},
        "spec": {"symbol": "BTCUSD", "venue": {"environment": "Emulator"}},
        "status": status,
    }


def pod(stage: str, **labels: str) -> dict[str, Any]:
    own = {"tradebot.dev/stage": stage, "tradebot.dev/environment": "Emulator"}
    own |= {"tradebot.dev/unit": f"{stage}-x"} | {f"tradebot.dev/{k}": v for k, v in labels.items()}
    variable = {"name": "TRADEBOT_API_SECRET", "value": SECRET}
    return {
        "metadata": {"name": f"{stage}-pod", "labels": own},
        "spec": {"containers": [{"env": [variable], "args": [f"--url=https://u:{SECRET}@host"]}]},
        "status": {"phase": "Running", "containerStatuses": [{"ready": True, "restartCount": 1}]},
    }


PODS = [pod("trader", bot="btc", symbol="BTCUSD"), pod("ingest", symbol="BTCUSD"), pod("liquidity")]

Answer = Callable[[str, Any], None]


@pytest.fixture
def answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """A kubectl that answers what a test gives it, and notes what it is asked."""
    program = tmp_path / "kubectl"
    program.write_text(FAKE.format(python=sys.executable, folder=str(tmp_path)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + os.environ["PATH"])
    monkeypatch.chdir(tmp_path)

    def give(call: str, what: Any) -> None:
        text = what if isinstance(what, str) else json.dumps(what)
        (tmp_path / f"{call.replace(' ', '_')}.out").write_text(text)

    give("get tradebots.tradebot.dev", bot(activeTrader="trader-btc-1"))
    give("get pods", {"items": PODS})
    give("get deployments", {"items": []})
    return give


def call(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main, arguments, input=stdin)


def calls(folder: Path) -> list[list[str]]:
    return [json.loads(line) for line in (folder / "calls").read_text().splitlines()]


def test_status_shows_numbers_conditions_and_pods_in_the_order_of_the_flow(answer: Answer) -> None:
    ready = {"type": "Ready", "status": "False", "reason": "FeedStalled", "message": "no feed"}
    answer("get tradebots.tradebot.dev", bot(bot={"equity": "100.5"}, conditions=[ready]))
    shown = call("status", "btc").output.splitlines()
    assert shown[0] == "btc: BTCUSD, Paper, not ready (FeedStalled: no feed)"
    assert any("equity" in line and "100.5" in line for line in shown)
    stages = [line.split()[1].split("-")[0] for line in shown if line.startswith("  pod")]
    assert stages == ["ingest", "liquidity", "trader"]


def ordered(folder: Path) -> dict[str, Any]:
    """Returns the patch that was written to the TradeBot."""
    (patch,) = [each for each in calls(folder) if "patch" in each]
    found: dict[str, Any] = json.loads(patch[-1])["spec"]["control"]
    return found


def test_pause_is_written_to_the_tradebot_with_its_reason_and_user(
    answer: Answer, tmp_path: Path
) -> None:
    answer("auth", {"status": {"userInfo": {"username": "ann@example.com"}}})
    answer("patch", "patched\n")
    answer("wait", "condition met\n")
    assert "btc is paused" in call("-n", "bots", "pause", "btc", "--because", "lunch").output
    control = ordered(tmp_path)
    assert control.pop("at")
    assert control == {"state": "Paused", "because": "lunch", "by": "ann@example.com"}
    assert all(each[0] == "--namespace=bots" for each in calls(tmp_path))


def test_an_order_that_no_trader_obeys_is_an_error_that_says_so(answer: Answer) -> None:
    answer("patch", "patched\n")
    result = call("resume", "btc", "--because", "checked")
    assert result.exit_code == 1 and "its trader has not acted" in result.output


def test_flatten_asks_for_the_name_first(answer: Answer, tmp_path: Path) -> None:
    answer("patch", "patched\n")
    answer("wait", "condition met\n")
    refused = call("flatten", "btc", stdin="eth\n")
    assert refused.exit_code == 1 and "nothing was sold" in refused.output
    assert "patch" not in [each[0] for each in calls(tmp_path)]
    assert call("flatten", "btc", stdin="btc\n").exit_code == 0
    assert ordered(tmp_path)["state"] == "Flat"


def test_a_bot_that_does_not_exist_is_kubectls_own_sentence(answer: Answer, tmp_path: Path) -> None:
    (tmp_path / "get_tradebots.tradebot.dev.out").unlink()
    result = call("status", "btc")
    assert result.exit_code == 1 and "NotFound" in result.output


def test_logs_of_all_stages_are_merged_by_time(answer: Answer) -> None:
    answer("logs trader-pod", "2026-01-01T00:00:02Z decided\n")
    answer("logs ingest-pod", "2026-01-01T00:00:01Z connected\n2026-01-01T00:00:03Z moved\n")
    answer("logs liquidity-pod", "")
    assert call("logs", "btc").output.splitlines() == [
        "2026-01-01T00:00:01Z ingest-pod connected",
        "2026-01-01T00:00:02Z trader-pod decided",
        "2026-01-01T00:00:03Z ingest-pod moved",
    ]


def test_a_report_has_resources_and_logs_and_no_secret(answer: Answer, tmp_path: Path) -> None:
    for each in ("trader", "ingest", "liquidity"):
        answer(f"logs {each}-pod", f"Authorization: Bearer {SECRET}\napi_secret={SECRET}\n")
    secret = {"kind": "Secret", "data": {"key": SECRET}, "metadata": {"name": "keys"}}
    config = {"kind": "ConfigMap", "data": {"TRADEBOT_KAFKA_PASSWORD": SECRET}}
    answer("get configmaps", {"items": [config, secret]})
    result = call("report", "btc", "--out", "bundle.tar.gz")
    assert result.exit_code == 0, result.output
    with tarfile.open(tmp_path / "bundle.tar.gz") as bundle:
        texts = {
            member.name: file.read().decode()
            for member in bundle.getmembers()
            if (file := bundle.extractfile(member)) is not None
        }
    assert {"bundle/tradebot.yaml", "bundle/pods.yaml", "bundle/logs/trader-pod.log"} <= set(texts)
    assert "bundle/logs/trader-pod.previous.log" in texts  # it restarted
    assert [name for name, text in texts.items() if SECRET in text] == []
    assert "BTCUSD" in texts["bundle/tradebot.yaml"]


def test_a_shared_stage_serves_the_bots_of_its_symbol_and_environment() -> None:
    assert serves(pod("ingest", symbol="BTCUSD"), bot())
    assert not serves(pod("ingest", symbol="ETHUSD"), bot())
    assert not serves(pod("trader", bot="eth", symbol="BTCUSD"), bot())


WORDS = st.from_regex(r"[A-Za-z0-9+/]{12,40}", fullmatch=True)
SHAPES: list[Callable[[str], Any]] = [
    lambda secret: {"password": secret},
    lambda secret: {"spec": {"apiKey": secret}},
    lambda secret: {"name": "MY_TOKEN", "value": secret},
    lambda secret: {"kind": "Secret", "stringData": {"anything": secret}},
    lambda secret: {"args": [f"--proxy=http://user:{secret.replace('/', '')}@proxy:1"]},
    lambda secret: [f"password: {secret}", f'"api_secret": "{secret}"'],
    lambda secret: f"GET /prices.csv?X-Amz-Signature={secret}&x=1",
    lambda secret: f"authorization: Basic {secret}",
]


@given(secret=WORDS, shape=st.sampled_from(SHAPES))
def test_no_shape_of_a_secret_remains(secret: str, shape: Callable[[str], Any]) -> None:
    held = shape(secret)
    text = redacted_text(held) if isinstance(held, str) else json.dumps(redacted(held))
    assert secret not in text and secret.replace("/", "") not in text


def test_names_of_secrets_and_paths_stay() -> None:
    spec = {"credentialsSecret": "btc-gemini", "kafka_password_file": "/etc/tradebot/password"}
    assert redacted(spec) == spec


def test_restart_applies_the_edits_that_wait_and_otherwise_restarts_the_trader(
    answer: Answer, tmp_path: Path
) -> None:
    answer("rollout", "restarted\n")
    answer("annotate", "annotated\n")
    assert call("restart", "btc").output == "restarted\n"
    message = "run `kubectl tradebot restart btc` to apply the edits of trader (spec.mode: a -> b)"
    drift = {"type": "ConfigDrift", "status": "True", "reason": "R", "message": message}
    waiting = bot(conditions=[drift])
    waiting["metadata"]["generation"] = 7
    answer("get tradebots.tradebot.dev", waiting)
    shown = call("restart", "btc").output
    assert shown == "btc: applying generation 7: trader (spec.mode: a -> b)\n"
    assert "tradebot.dev/restart=7" in calls(tmp_path)[-1]


@pytest.mark.parametrize(
    "arguments",
    [["-n", "lab", "list"], ["list", "-n", "lab"], ["-n", "other", "list", "-n", "lab"]],
)
def test_the_namespace_may_stand_before_or_after_the_command_as_with_kubectl(
    answer: Answer, tmp_path: Path, arguments: list[str]
) -> None:
    answer("get tradebots.tradebot.dev", "btc")
    assert call(*arguments).exit_code == 0
    asked = json.loads((tmp_path / "calls").read_text().splitlines()[-1])
    chosen = [each for each in asked if each.startswith("--namespace=")]
    assert chosen[-1] == "--namespace=lab"  # of two, kubectl takes the last one
