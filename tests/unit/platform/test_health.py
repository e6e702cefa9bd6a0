"""A stage reports over HTTP whether it is live and ready, with the reasons."""

import httpx
import pytest

from tradebot.platform.health import Readiness, serve
from tradebot.platform.settings import SettingsError


def test_a_stage_is_live_but_not_ready_until_it_has_started() -> None:
    readiness = Readiness("test")
    url = f"http://127.0.0.1:{serve(readiness, stage='test', host='127.0.0.1', port=0)}"
    assert httpx.get(f"{url}/livez").status_code == 200
    answer = httpx.get(f"{url}/readyz")
    assert answer.status_code == 503
    assert "starting" in answer.json()["reasons"]
    readiness.started()
    assert httpx.get(f"{url}/readyz").json() == {"stage": "test", "ready": True, "reasons": {}}


def test_a_closed_gate_shows_its_reason_and_leaves_the_stage_alive() -> None:
    readiness = Readiness("test")
    readiness.started()
    silent: list[str | None] = ["no message for 12 s"]
    readiness.check("FeedFresh", lambda: silent[0])
    url = f"http://127.0.0.1:{serve(readiness, stage='test', host='127.0.0.1', port=0)}"
    assert httpx.get(f"{url}/readyz").json()["reasons"] == {"FeedFresh": "no message for 12 s"}
    assert httpx.get(f"{url}/livez").status_code == 200
    silent[0] = None
    assert httpx.get(f"{url}/readyz").status_code == 200


def test_what_only_a_restart_mends_ends_its_life_and_leaves_readiness_to_the_gates() -> None:
    readiness = Readiness("test")
    readiness.started()
    dead: list[str | None] = [None]
    readiness.live_while(lambda: dead[0])
    url = f"http://127.0.0.1:{serve(readiness, stage='test', host='127.0.0.1', port=0)}"
    assert httpx.get(f"{url}/livez").status_code == 200
    dead[0] = "the coordinator ended"
    answer = httpx.get(f"{url}/livez")
    assert (answer.status_code, answer.json()["reasons"]) == (503, {"life": dead[0]})
    assert httpx.get(f"{url}/readyz").status_code == 200


def test_metrics_report_readiness_and_the_version() -> None:
    readiness = Readiness("metrics-test")
    readiness.started()
    url = f"http://127.0.0.1:{serve(readiness, stage='metrics-test', host='127.0.0.1', port=0)}"
    text = httpx.get(f"{url}/metrics").text
    assert 'tradebot_ready{stage="metrics-test"} 1.0' in text
    assert "tradebot_build_info" in text


def test_a_taken_port_is_one_clear_sentence() -> None:
    port = serve(Readiness("first"), stage="first", host="127.0.0.1", port=0)
    with pytest.raises(SettingsError, match=f"{port}.*--http-port"):
        serve(Readiness("second"), stage="second", host="127.0.0.1", port=port)
