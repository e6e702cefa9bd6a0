"""Where the operator's credentials come from, and how it notices changes."""

import datetime as real
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from kubernetes.aio.config import incluster_config, kube_config

from tradebot_operator.login import AUTHORIZATION, configuration, login


class Clock:
    """The time as Kubernetes' own client reads it."""

    def __init__(self) -> None:
        self.at = real.datetime(2026, 1, 1)

    def now(self) -> real.datetime:
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    module = SimpleNamespace(datetime=clock, timedelta=real.timedelta)
    monkeypatch.setattr(incluster_config, "datetime", module)
    return clock


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Creates a pod's service account; returns its token's file."""
    token, authority = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("first")
    authority.write_text("an authority")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(authority))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return token


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without an account; returns where its kubeconfig would be."""
    file = tmp_path / "kubeconfig"
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(file))
    return file


@pytest.fixture
def kubeconfig(nowhere: Path) -> None:
    body = {
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "here", "user": "me"}}],
        "clusters": [{"name": "here", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "me", "user": {"token": "abc"}}],
    }
    nowhere.write_text(yaml.safe_dump(body))


def rotate(token: Path) -> None:
    token.write_text("second")


async def test_a_pods_token_that_rotates_is_read_again_within_a_minute(
    account: Path, clock: Clock
) -> None:
    found = await configuration()
    rotate(account)
    assert await found.get_api_key_with_prefix(AUTHORIZATION) == "bearer first"
    clock.at += real.timedelta(seconds=61)
    assert await found.get_api_key_with_prefix(AUTHORIZATION) == "bearer second"


async def test_kopf_speaks_with_the_pods_account_too(account: Path) -> None:
    found = await login()
    assert found is not None
    assert (found.server, found.ca_path) == ("https://10.0.0.1:443", str(account.parent / "ca.crt"))
    assert found.as_http_headers() == {"Authorization": "Bearer first"}


async def test_without_an_account_a_kubeconfig_counts(kubeconfig: None) -> None:
    found = await login()
    assert found is not None and found.server == "http://127.0.0.1:1"
    assert found.as_http_headers() == {"Authorization": "Bearer abc"}


async def test_without_any_credentials_nobody_is_logged_in(nowhere: Path) -> None:
    assert await login() is None
