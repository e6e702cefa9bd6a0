"""The chart's notes: every command fits what was installed."""

import re
from typing import Any

import pytest
import yaml
from releases.rendered import (
    CHART,
    MATRIX,
    ROOT,
    everywhere,
    flags,
    helm,
    needs_helm,
    of_kind,
    render,
)

pytestmark = needs_helm


def notes(values: tuple[str, ...]) -> str:
    answer = helm(
        "install", "tradebot", str(CHART), "--dry-run=client", "-n", "bots", *flags(values)
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.split("NOTES:")[1]


def applied(text: str) -> list[dict[str, Any]]:
    """Returns the TradeBots that the notes' commands apply, each with its namespace."""
    found = []
    for line in text.splitlines():
        if "kubectl apply" in line and (file := re.search(r"manifests/\S+\.yaml", line)):
            body = (ROOT / file[0]).read_text()
            if edit := re.search(r"sed 's/(.+)/(.+)/'", line):
                assert edit[1] in body
                body = body.replace(edit[1], edit[2])
            (namespace,) = re.findall(r"-n (\S+)", line)
            found.append({"namespace": namespace} | yaml.safe_load(body))
    return found


@everywhere
def test_a_bot_that_the_notes_start_is_one_that_the_operator_serves(
    values: tuple[str, ...],
) -> None:
    text = notes(values)
    if "environments=[]" in values:
        assert "--set environments={Sandbox}" in text and "kubectl" not in text
        return
    (served,) = re.findall(r"Bots may trade in: (.+)\.", text)
    (namespace,) = re.findall(r"kubectl get tradebots -n (\S+) -w", text)
    (bot,) = applied(text)
    assert bot["spec"]["venue"]["environment"] in served.split(", ")
    assert bot["namespace"] == namespace
    assert f"kubectl describe tradebot {bot['metadata']['name']} -n {namespace}" in text


@pytest.mark.parametrize(
    ("values", "environment"),
    [
        (MATRIX["emulator"], "Emulator"),
        (MATRIX["defaults"], "Sandbox"),
        (MATRIX["production alone"], "Production"),
    ],
)
def test_the_notes_start_a_bot_where_least_can_be_lost(
    values: tuple[str, ...], environment: str
) -> None:
    (bot,) = applied(notes(values))
    assert bot["spec"]["venue"]["environment"] == environment
    assert (bot["spec"]["mode"] == "Paper") == (environment != "Sandbox")


def test_the_notes_send_bots_to_a_namespace_that_is_served() -> None:
    assert "kubectl get tradebots -n team-b" in notes(("operator.watchNamespaces={team-b}",))


@everywhere
def test_a_page_is_named_where_there_is_one(values: tuple[str, ...]) -> None:
    services = {item["metadata"]["name"] for item in of_kind(render(*values), "Service")}
    text = notes(values)
    named = set(re.findall(r"service/(\S+)", text))
    assert named <= services
    pages = {name for name in services if "-dashboard-" in name}
    assert bool(named & pages) == bool(pages)
    assert ("There is no dashboard" in text) == (values == MATRIX["nothing recorded"])


BROKER = "kafka.external.bootstrapServers=a.example.org:9092,kafka.elsewhere.svc:9093"
URL = "elasticsearch.external.url=https://es.example.org"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ((), ""),
        (("kafka.external.bootstrapServers=kafka.elsewhere.svc:9092",), ""),
        ((BROKER,), "a.example.org:9092"),
        ((URL,), "es.example.org:443"),
        ((BROKER, URL), "a.example.org:9092, es.example.org:443"),
        ((BROKER, "networkPolicy.externalCidrs={203.0.113.0/24}"), ""),
        ((BROKER, "networkPolicy.enabled=false"), ""),
    ],
)
def test_the_notes_warn_of_servers_that_the_policies_let_be_anywhere(
    values: tuple[str, ...], named: str
) -> None:
    sets = tuple(value.replace(",", "\\,") for value in values)
    warned = re.findall(r"WARNING: .* that needs (.*) reach any\n", notes(sets))
    assert warned == ([named] if named else [])


@pytest.mark.parametrize(
    ("values", "shared"),
    [
        ((), []),
        ((URL,), ["elasticsearch.external.indexPrefix"]),
        ((URL, "elasticsearch.external.indexPrefix=tradebot_east"), []),
        (("kafka.external.bootstrapServers=kafka:9092",), ["topics.prefix"]),
        (("kafka.external.bootstrapServers=kafka:9092", "topics.prefix=east."), []),
    ],
)
def test_the_notes_name_what_another_release_on_the_same_servers_would_share(
    values: tuple[str, ...], shared: list[str]
) -> None:
    _, _, listed = notes(values).partition("another release uses the same servers")
    assert re.findall(r"\((\S+)\)", listed) == shared
