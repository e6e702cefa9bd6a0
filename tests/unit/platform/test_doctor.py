"""The doctor's judgements, and the command on a machine where nothing runs."""

import base64
import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner
from observing.elastic_answers import ElasticAnswers

from tradebot.doctor.command import command
from tradebot.doctor.findings import (
    Health,
    of_drift,
    of_fees,
    of_history,
    of_holdings,
    of_key_file,
)


@pytest.mark.parametrize(
    ("seconds", "health"), [(0.5, Health.GOOD), (-5, Health.WARNING), (31, Health.BAD)]
)
def test_a_clock_that_drifts_is_judged_by_what_nonces_bear(seconds: float, health: Health) -> None:
    assert of_drift(seconds).health == health


def test_an_edge_of_zero_is_warned_about_fees() -> None:
    finding = of_fees(Decimal(40), 0)
    assert finding.health == Health.WARNING
    assert "costs 80 bps in fees" in finding.what
    assert of_fees(Decimal(40), 10).health == Health.GOOD


def test_the_doctor_says_what_a_sell_would_sell() -> None:
    own = of_holdings("Own", "BTC", Decimal(10))
    assert own.health == Health.GOOD
    assert "what the bot's own orders bought" in own.what
    everything = of_holdings("All", "BTC", Decimal(10))
    assert everything.health == Health.WARNING
    assert "whole balance of 10 BTC" in everything.what
    assert "--holdings Own" in everything.advice


def test_a_history_of_a_day_is_too_short_for_daily_seasonality() -> None:
    assert of_history(1440, 1440).health == Health.WARNING
    assert of_history(0, 0).health == Health.BAD
    assert of_history(20_000, 20_000).health == Health.GOOD


def test_a_key_that_others_can_read_comes_with_the_command_that_mends_it() -> None:
    finding = of_key_file("keys/api-secret", 0o644)
    assert finding is not None
    assert finding.advice == "chmod 600 keys/api-secret"
    assert of_key_file("keys/api-secret", 0o600) is None


def test_on_an_idle_machine_the_advice_is_what_to_start(tmp_path: Path) -> None:
    arguments = ["--kafka", "127.0.0.1:1", "--emulator-url", "http://127.0.0.1:1", "--json"]
    result = CliRunner().invoke(command, [*arguments, "--state-dir", str(tmp_path)])
    found = json.loads(result.stdout.splitlines()[-1])
    advice = {finding["subject"]: finding["advice"] for finding in found["findings"]}
    assert result.exit_code == 1
    assert found["healthy"] is False
    assert "tradebot emulator" in advice["venue"]
    assert "--kafka" in advice["Kafka"]


class GuardedStore(ElasticAnswers):
    """An Elasticsearch that serves one user over TLS, and refuses all others."""

    def do_POST(self) -> None:  # noqa: N802  # http.server's name
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        user = base64.b64encode(b"doctor:s3cret").decode()
        if self.headers.get("Authorization") != f"Basic {user}":
            error = {"type": "security_exception", "reason": "missing authentication credentials"}
            self.tell(401, {"error": error, "status": 401})
            return
        self.tell(200, {"hits": {"hits": []}})


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[str]:
    """The address of a `GuardedStore`; its certificate authority is `ca.pem`."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "ca.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
            "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out",
            certificate,
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    server = ThreadingHTTPServer(("127.0.0.1", 0), GuardedStore)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def store_finding(*arguments: str) -> dict[str, str]:
    nothing = ["--kafka", "127.0.0.1:1", "--emulator-url", "http://127.0.0.1:1", "--json"]
    result = CliRunner().invoke(command, [*nothing, *arguments])
    findings = json.loads(result.stdout.splitlines()[-1])["findings"]
    (found,) = [finding for finding in findings if finding["subject"] == "store"]
    return found


def test_a_store_with_user_password_and_authority_is_checked_with_them(
    guarded: str, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    identity = ["--elasticsearch-username", "doctor"]
    identity += ["--elasticsearch-password-file", str(tmp_path / "password")]
    authority = ["--elasticsearch-ca-file", str(tmp_path / "ca.pem")]
    allowed = store_finding("--elasticsearch", guarded, *identity, *authority)
    assert (allowed["health"], allowed["what"]) == ("good", f"{guarded} contains no decisions yet")
    assert store_finding("--elasticsearch", guarded, *authority)["health"] == "bad"
    assert store_finding("--elasticsearch", guarded, *identity)["health"] == "bad"


def test_a_store_whose_settings_cannot_be_used_is_a_finding_and_no_end_of_the_check() -> None:
    found = store_finding(
        "--elasticsearch", "http://127.0.0.1:1", "--elasticsearch-ca-file", "no.pem"
    )
    assert found["health"] == "bad"
    assert "elasticsearch_ca_file is 'no.pem', which is not a file" in found["what"]


def test_one_file_holds_the_settings_of_trader_store_and_doctor(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(
        f"bot: other\nelasticsearch_username: doctor\nstate_dir: {tmp_path}\njson: true\n"
    )
    found = store_finding("--config", str(file))
    assert (found["health"], found["what"]) == (
        "skipped",
        f"{tmp_path}/documents.sqlite does not exist yet; the recorder creates it",
    )
