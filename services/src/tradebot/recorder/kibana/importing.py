"""Imports the dashboards into Kibana, waiting for it; safe to repeat."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tradebot.platform.settings import SettingsError
from tradebot.recorder.kibana.objects import ndjson
from tradebot.recorder.settings import RecorderSettings

RETRY_SECONDS = 3.0


def import_dashboards(
    settings: RecorderSettings, sleep: Callable[[float], None] = time.sleep
) -> int:
    """Imports all objects, replacing earlier ones; returns how many.

    Raises:
        SettingsError: Kibana was not available in time, or refused an object.
    """
    with _client(settings) as kibana:
        _wait(kibana, settings.kibana_wait_seconds, sleep)
        file = ("tradebot.ndjson", ndjson(settings.index_prefix), "application/ndjson")
        try:
            answer = kibana.post(
                "/api/saved_objects/_import", params={"overwrite": "true"}, files={"file": file}
            )
        except httpx.HTTPError as error:
            raise SettingsError(
                f"the connection to Kibana at {kibana.base_url} failed: {error!r}"
            ) from None
    # Kibana returns 200 even if it accepted only some of the objects; the body says so.
    body = _body(answer)
    if answer.status_code != 200 or body.get("success") is not True:
        raise SettingsError(
            f"Kibana at {settings.setup_kibana} did not accept the dashboards "
            f"({answer.status_code}): {_why(body) or answer.text[:300]}"
        )
    return int(body["successCount"])


def _client(settings: RecorderSettings) -> httpx.Client:
    options: dict[str, Any] = {"headers": {"kbn-xsrf": "tradebot"}, "timeout": 60}
    if settings.kibana_username:
        try:
            password = Path(settings.kibana_password_file).read_text().strip()
        except OSError as error:
            raise SettingsError(
                f"kibana_password_file is {settings.kibana_password_file!r}: {error.strerror}; "
                "set it to the path of a file with the password"
            ) from None
        options["auth"] = (settings.kibana_username, password)
    if settings.kibana_ca_file:
        options["verify"] = settings.kibana_ca_file
    try:
        return httpx.Client(base_url=settings.setup_kibana, **options)
    except (httpx.InvalidURL, OSError) as error:
        raise SettingsError(f"Kibana's address is not valid: {error}") from None


def _wait(kibana: httpx.Client, seconds: float, sleep: Callable[[float], None]) -> None:
    """Waits until Kibana reports that it is available: it responds long before that."""
    end = time.monotonic() + seconds
    while True:
        try:
            answer = kibana.get("/api/status")
            level = _body(answer).get("status", {}).get("overall", {}).get("level", "")
            if answer.status_code == 200 and level in ("available", ""):
                return
            reason = f"{answer.status_code} {level}".strip()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or repr(error)
        if time.monotonic() >= end:
            raise SettingsError(
                f"Kibana at {kibana.base_url} was not available within {seconds:g} s: {reason}; "
                "check its address (--setup-kibana) and user (--kibana-username)"
            )
        sleep(RETRY_SECONDS)


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _why(body: dict[str, Any]) -> str:
    """Returns Kibana's reasons for the objects that it refused."""
    errors = body.get("errors", [])
    told = [
        f"{e.get('type')} {e.get('id')}: {e.get('error', {}).get('type', 'unknown')}"
        for e in errors[:5]
    ]
    return "; ".join(told) or str(body.get("message", ""))
