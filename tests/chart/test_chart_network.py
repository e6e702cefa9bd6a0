"""Which connections are allowed: among all pods of the chart and its bots, and the world."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import pytest
from network_model import Outside, Pod, allows, connects, of_pod
from releases.rendered import (
    EXTERNAL,
    MATRIX,
    children,
    needs_helm,
    of_kind,
    operator_settings,
    render,
)

pytestmark = needs_helm

Objects = Sequence[dict[str, Any]]
API = "networkPolicy.apiServerCidr=10.96.7.7/32"
PROBED = (22, 53, 80, 443, 6443, 8080, 9092, 9093, 9200, 9243)
OUTSIDE = {
    "world": Outside("203.0.113.9"),
    "api": Outside("10.96.7.7"),
    "private": Outside("10.1.2.3"),
    "metadata": Outside("169.254.169.254"),
}
DNS = Pod("coredns", "kube-system", {"k8s-app": "kube-dns"}, (53,))
STRANGERS = (
    Pod("neighbour", "bots", {"app": "else"}, PROBED),
    Pod("stranger", "elsewhere", {"app.kubernetes.io/name": "else"}, PROBED),
    Pod("look-alike", "elsewhere", {"app.kubernetes.io/part-of": "tradebot"}, PROBED),
)
ANYWHERE = (*OUTSIDE, *(stranger.name for stranger in STRANGERS))
HISTORIES: dict[str, dict[str, Any]] = {
    "venue": {"source": "Venue"},
    "url": {"source": "Url", "url": "https://example.org/a.csv"},
    "claim": {"source": "Claim", "claim": {"name": "h", "path": "a.csv"}},
}


def listening(spec: dict[str, Any]) -> tuple[int, ...]:
    ports = [port for container in spec["containers"] for port in container.get("ports", [])]
    return tuple(port["containerPort"] for port in ports)


def of_the_chart(objects: Objects) -> Iterator[Pod]:
    for item in of_kind(tuple(objects), "Pod", "Deployment", "StatefulSet", "Job"):
        pod = item if item["kind"] == "Pod" else item["spec"]["template"]
        labels = pod["metadata"]["labels"]
        role = labels.get("tradebot.dev/stage") or labels["app.kubernetes.io/component"]
        role = role if "tradebot.dev/stage" in labels else role.split("-")[0]
        yield Pod(role, item["metadata"]["namespace"], labels, listening(pod["spec"]))


def of_the_bots(values: tuple[str, ...]) -> Iterator[Pod]:
    settings = operator_settings(values)
    if settings is None:
        return
    for namespace in settings.namespaces:
        for environment in settings.environments:
            for history, asked in HISTORIES.items():
                spec = {
                    "symbol": "BTCUSD",
                    "venue": {"environment": environment},
                    "forecast": {"history": asked},
                    "strategy": {"name": "SmaCross"},
                }
                body = {"metadata": {"name": "btc", "namespace": namespace}, "spec": spec}
                kind = "emulated" if environment == "Emulator" else "real"
                for pod in of_the_chart(children(body, settings)):
                    name = f"{kind} {pod.name}"
                    if pod.name == "forecast":
                        name += f" by {history}"
                    yield Pod(name, pod.namespace, pod.labels, pod.ports)


def of_strimzi(objects: Objects) -> tuple[list[Pod], list[dict[str, Any]]]:
    """Returns the brokers, and Strimzi's policy for their listeners."""
    pods, policies = [], []
    for kafka in of_kind(tuple(objects), "Kafka"):
        meta, listeners = kafka["metadata"], kafka["spec"]["kafka"]["listeners"]
        labels = {"strimzi.io/cluster": meta["name"], "strimzi.io/kind": "Kafka"}
        labels["strimzi.io/name"] = f"{meta['name']}-kafka"
        labels["app.kubernetes.io/part-of"] = f"strimzi-{meta['name']}"
        ports = tuple(listener["port"] for listener in listeners)
        pods.append(Pod("kafka", meta["namespace"], labels, ports))
        rules = [
            {"ports": [{"port": item["port"]}], "from": item.get("networkPolicyPeers", [])}
            for item in listeners
        ]
        spec = {"podSelector": {"matchLabels": labels}, "ingress": rules}
        policies.append({"metadata": {"namespace": meta["namespace"]}, "spec": spec})
    return pods, policies


@cache
def world_of(values: tuple[str, ...]) -> tuple[tuple[Pod, ...], tuple[dict[str, Any], ...]]:
    """Returns all our pods and policies."""
    objects = render(*values)
    brokers, theirs = of_strimzi(objects)
    ours = (*of_the_chart(objects), *of_the_bots(values), *brokers)
    return ours, (*of_kind(objects, "NetworkPolicy"), *theirs)


def reached(values: tuple[str, ...], source: Pod) -> set[str]:
    """Returns everything that a pod may connect to, except DNS and metrics."""
    pods, policies = world_of(values)
    found = {
        f"{target.name.split(' ')[-1] if target in pods else target.name}:{port}"
        for target in (*pods, *STRANGERS, DNS)
        for port in target.ports
        if target.labels != source.labels and connects(policies, source, target, port)
    }
    return found | {
        f"{name}:{port}"
        for name, place in OUTSIDE.items()
        for port in PROBED
        if allows(policies, source, "Egress", place, port)
    }


def who_reaches_whom(values: tuple[str, ...]) -> dict[str, set[str]]:
    table: dict[str, set[str]] = {}
    for pod in world_of(values)[0]:
        if pod.name != "kafka":
            there = reached(values, pod) - {"coredns:53"}
            assert table.setdefault(pod.name, there) == there, pod.name
    return table


KAFKA, ELASTIC, KIBANA = "kafka:9092", "elasticsearch:9200", "kibana:5601"
VENUE, SERVER = "world:443", "api:443 api:6443"
DEFAULTS = f"""
operator                 {SERVER}
uninstall                {SERVER}
real ingest              {KAFKA} {VENUE}
real liquidity           {KAFKA}
real forecast by venue   {KAFKA} {VENUE}
real forecast by url     {KAFKA} {VENUE}
real forecast by claim   {KAFKA}
real strategy            {KAFKA}
real trader              {KAFKA} {VENUE} {SERVER}
recorder                 {KAFKA} {ELASTIC}
dashboard                {KAFKA} {ELASTIC} {SERVER}
elasticsearch
kibana                   {ELASTIC}
setup                    {ELASTIC} {KIBANA}
test                     {KAFKA}
"""
EMULATED = f"""
emulator
emulated ingest             {KAFKA} emulator:8090
emulated liquidity          {KAFKA}
emulated forecast by venue  {KAFKA} emulator:8090
emulated forecast by url    {KAFKA} emulator:8090 {VENUE}
emulated forecast by claim  {KAFKA} emulator:8090
emulated strategy           {KAFKA}
emulated trader             {KAFKA} emulator:8090 {SERVER}
"""


def table(text: str, words: Mapping[str, str]) -> dict[str, set[str]]:
    """Returns the rows of a table, with these values' names."""
    for ours, theirs in words.items():
        text = text.replace(ours, theirs)
    rows = [line.partition("  ") for line in text.strip().splitlines()]
    return {name: set(there.split()) for name, _, there in rows}


def called(values: tuple[str, ...]) -> dict[str, str]:
    """Returns these values' names for what the table names otherwise."""
    words = {}
    stored = any(value.startswith("elasticsearch.external.url=") for value in values)
    if "elasticsearch.enabled=false" in values and not stored:
        # the page is in the recorder's pod
        words[f"recorder                 {KAFKA}"] = f"recorder  {KAFKA} {SERVER}"
    if EXTERNAL in values:
        # a user's own broker may be any pod of the namespace that listens on its port
        words[KAFKA] = "neighbour:9092"
    if "kafka.strimzi.secure=true" in values:
        words[KAFKA] = "kafka:9093"
    if "elasticsearch.enabled=false" in values:
        words[ELASTIC] = ""
    if "elasticsearch.external.url=https://es.example.org:9243" in values:
        words[ELASTIC] = " ".join(f"{place}:9243" for place in ANYWHERE)
        words[KIBANA] = ""
    return words


CLOSED = [name for name, values in MATRIX.items() if "networkPolicy.enabled=false" not in values]


@pytest.mark.parametrize("name", CLOSED)
def test_every_pod_reaches_what_the_table_says_and_nothing_else(name: str) -> None:
    values = (*MATRIX[name], API)
    found = who_reaches_whom(values)
    expected = table(DEFAULTS + EMULATED, called(values))
    assert "operator" in found
    assert found == {pod: there for pod, there in expected.items() if pod in found}
    emulated = "emulator.enabled=true" in values
    assert ("emulated trader" in found, "emulator" in found) == (emulated, emulated)


def test_with_the_default_values_every_row_of_the_table_is_there() -> None:
    assert who_reaches_whom((API,)) == table(DEFAULTS, {})


@pytest.mark.parametrize("name", CLOSED)
def test_every_pod_is_closed_but_for_what_opens_it_also_those_of_hooks(name: str) -> None:
    pods, policies = world_of((*MATRIX[name], API))
    for pod in pods:
        if pod.name != "kafka":
            assert of_pod(policies, pod, "Egress"), pod.name
        assert of_pod(policies, pod, "Ingress"), pod.name


@pytest.mark.parametrize("name", CLOSED)
def test_a_stranger_reaches_metrics_and_nothing_else(name: str) -> None:
    values = (*MATRIX[name], API)
    for stranger in STRANGERS:
        for pod in world_of(values)[0]:
            for port in pod.ports:
                if port not in (9090, 9091):
                    assert not connects(world_of(values)[1], stranger, pod, port), (pod.name, port)
        for port in (22, 8080, 9090, 9092, 9200):
            for pod in world_of(values)[0]:
                assert not allows(world_of(values)[1], pod, "Ingress", OUTSIDE["world"], port), (
                    pod.name,
                    port,
                )


def test_metrics_are_read_by_every_pod_or_by_those_of_one_namespace() -> None:
    prometheus = Pod("prometheus", "monitoring", {})
    stranger = STRANGERS[1]
    for values, others in (
        ((API,), True),
        ((API, "networkPolicy.metricsNamespace=monitoring"), False),
    ):
        pods, policies = world_of(values)
        watched = [pod for pod in pods if 9090 in pod.ports]
        assert len(watched) > 5
        for pod in watched:
            assert connects(policies, prometheus, pod, 9090), pod.name
            assert connects(policies, stranger, pod, 9090) == others, pod.name


def test_pages_are_opened_by_the_namespaces_that_are_named() -> None:
    ingress = Pod("ingress", "ingress-nginx", {})
    for values, opened in (
        ((API,), False),
        ((API, "networkPolicy.pagesNamespaces={ingress-nginx}"), True),
    ):
        pods, policies = world_of(values)
        for pod in pods:
            for port in set(pod.ports) & {8080, 5601}:
                assert connects(policies, ingress, pod, port) == opened, pod.name
        assert not any(connects(policies, STRANGERS[1], pod, 8080) for pod in pods)


def test_names_are_asked_of_the_clusters_own_dns_and_of_no_other_address() -> None:
    cache_on_node = Outside("169.254.20.10")
    other = ("networkPolicy.dnsCidrs={169.254.20.10/32}", "networkPolicy.dnsNamespace=dns")
    for values, known in (((API,), False), ((API, *other, "networkPolicy.dnsPorts={5353}"), True)):
        pods, policies = world_of(values)
        for pod in pods:
            if pod.name == "kafka":
                continue
            for protocol in ("UDP", "TCP"):
                here = allows(policies, pod, "Egress", DNS, 53, protocol)
                assert here is not known, pod.name
                there = Pod("dns", "dns", {}, (5353,))
                assert allows(policies, pod, "Egress", there, 5353, protocol) is known
                assert allows(policies, pod, "Egress", cache_on_node, 5353, protocol) is known
                for place in OUTSIDE.values():
                    assert not allows(policies, pod, "Egress", place, 53, protocol), pod.name


def test_without_a_cluster_to_ask_the_api_server_is_sought_among_private_addresses() -> None:
    pods, policies = world_of(())
    for pod in pods:
        asks = pod.name in ("operator", "uninstall", "dashboard") or pod.name.endswith("trader")
        for port in (443, 6443):
            assert allows(policies, pod, "Egress", OUTSIDE["private"], port) is (
                asks if pod.name != "kafka" else True
            ), pod.name
        if pod.name == "operator":
            assert not allows(policies, pod, "Egress", OUTSIDE["world"], 443)
            assert not allows(policies, pod, "Egress", OUTSIDE["metadata"], 443)


def test_a_forecast_takes_its_history_from_the_addresses_that_are_named_or_from_none() -> None:
    elsewhere = Outside("203.0.114.1")
    for values, known, any_ in (
        ((), True, True),
        (("networkPolicy.historyCidrs={203.0.113.0/24}",), True, False),
        (("networkPolicy.historyCidrs=[]",), False, False),
    ):
        pods, policies = world_of((API, *values))
        asking = [
            pod for pod in pods if pod.name.endswith(("forecast by venue", "forecast by url"))
        ]
        assert asking
        for pod in asking:
            assert allows(policies, pod, "Egress", OUTSIDE["world"], 443) is known
            assert allows(policies, pod, "Egress", elsewhere, 443) is any_


def test_a_broker_outside_the_cluster_is_sought_at_the_addresses_that_are_named() -> None:
    values = (
        "kafka.external.bootstrapServers=broker.example.org:9092",
        "elasticsearch.enabled=false",
    )
    for more, outside in (
        ((), {f"{place}:9092" for place in ANYWHERE}),
        (("networkPolicy.externalCidrs={203.0.113.0/24}",), {"world:9092"}),
    ):
        found = who_reaches_whom((*values, *more, API))
        server = {"api:443", "api:6443"}
        assert found["real liquidity"] == outside
        assert found["recorder"] == outside | server  # without Elasticsearch, it serves the page
        assert found["operator"] == server


def test_the_set_up_reaches_a_kibana_of_one_s_own_where_it_is() -> None:
    values = (
        "kafka.external.bootstrapServers=broker.example.org:9092",
        "elasticsearch.external.url=http://es.elsewhere.svc:9200",
        "kibana.external.url=https://kibana.example.org:5602",
        "networkPolicy.externalCidrs={203.0.113.0/24}",
    )
    _, policies = world_of((*values, API))
    setups = [pod for pod in world_of((*values, API))[0] if pod.name == "setup"]
    assert setups
    for setup in setups:
        assert allows(policies, setup, "Egress", OUTSIDE["world"], 5602)
        assert not allows(policies, setup, "Egress", OUTSIDE["private"], 5602)
        assert not allows(policies, setup, "Egress", OUTSIDE["world"], 443)


def test_a_broker_in_another_namespace_is_reached_there_alone() -> None:
    values = (
        "kafka.external.bootstrapServers=kafka.elsewhere.svc:9092",
        "elasticsearch.enabled=false",
    )
    assert who_reaches_whom((*values, API))["real liquidity"] == {
        "stranger:9092",
        "look-alike:9092",
    }


def test_further_clients_of_the_brokers_are_let_in_by_name() -> None:
    page = Pod("page", "bots", {"app": "kafka-ui"})
    peer = "networkPolicy.kafkaPeers[0].podSelector.matchLabels.app=kafka-ui"
    for values, opened in (((API,), False), ((API, peer), True)):
        pods, policies = world_of(values)
        (broker,) = [pod for pod in pods if pod.name == "kafka"]
        assert connects(policies, page, broker, 9092) is opened


def test_no_policy_is_made_where_they_are_switched_off() -> None:
    objects = render(EXTERNAL, "networkPolicy.enabled=false")
    assert not of_kind(objects, "NetworkPolicy")
    for kafka in of_kind(render("networkPolicy.enabled=false"), "Kafka"):
        assert "networkPolicyPeers" not in kafka["spec"]["kafka"]["listeners"][0]
