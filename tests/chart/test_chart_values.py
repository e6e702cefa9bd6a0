"""An invalid value is refused before anything is installed, with its name and the reason."""

import json

import pytest
from releases.rendered import CHART, helm, needs_helm

pytestmark = needs_helm

REFUSED = [
    # value, place in the error, what the error says
    ("operator.resources.limts.memory=1Gi", "/operator/resources", "'limts' not allowed"),
    ("operator.resources.limits.memory=foo", "limits/memory", "'foo' does not match"),
    ("operator.resources.limits.memory=1gi", "limits/memory", "'1gi' does not match"),
    ("operator.resources.limits.memroy=1Gi", "/operator/resources/limits", "'memroy' not allowed"),
    ("stages.trader.resources.requests.cpu=half", "requests/cpu", "'half' does not match"),
    ("stages.trader.labels.team=red and blue", "labels/team", "does not match"),
    ("recorder.extras.env.HTTP PROXY=x", "extras/env", "'HTTP PROXY' not allowed"),
    ("recorder.persistence.size=much", "persistence/size", "'much' does not match"),
    ("recorder.persistence.sise=1Gi", "persistence", "'sise' not allowed"),
    ("elasticsearch.storage.size=5GB", "storage/size", "'5GB' does not match"),
    ("elasticsearch.heap=512", "heap", "got number, want string"),
    ("elasticsearch.heap=1Gi", "heap", "'1Gi' does not match"),
    ("elasticsearch.external.url=es.example.org:9243", "external/url", "does not match"),
    ("elasticsearch.external.url=https://u:p@es:9243", "external/url", "does not match"),
    ("elasticsearch.existingSecret=My_Secret", "existingSecret", "'My_Secret' does not match"),
    ("kibana.external.url=kibana:5601", "external/url", "does not match"),
    ("kibana.publicUrl=kibana.example.org", "publicUrl", "does not match"),
    ("kafka.external.bootstrapServers=kafka", "bootstrapServers", "'kafka' does not match"),
    ("kafka.external.bootstrapServers=a:9092;b:9092", "bootstrapServers", "does not match"),
    (r"kafka.external.bootstrapServers=a:9092\, b:9092", "bootstrapServers", "does not match"),
    ("kafka.external.caSecret=CA", "caSecret", "'CA' does not match"),
    ("kafka.strimzi.storage.size=10gigs", "storage/size", "'10gigs' does not match"),
    ("kafka.strimzi.version=4", "version", "got number, want string"),
    ("kafka.strimzi.version=latest", "version", "'latest' does not match"),
    ("kafka.strimzi.cluster=My_Kafka", "cluster", "'My_Kafka' does not match"),
    ("emulator.epoch=yesterday", "epoch", "'yesterday' does not match"),
    ("topics.prefix=a/b", "topics/prefix", "'a/b' does not match"),
    ("fullnameOverride=Trade Bot", "fullnameOverride", "'Trade Bot' does not match"),
    ("commonLabels.team=-", "commonLabels/team", "'-' does not match"),
    ("images.pullSecrets={Bad_Name}", "pullSecrets/0", "'Bad_Name' does not match"),
    ("operator.watchNamespaces={Bad_Name}", "watchNamespaces/0", "'Bad_Name' does not match"),
    ("networkPolicy.venueCidrs={nonsense}", "venueCidrs", "'nonsense' does not match"),
    ("networkPolicy.venueCidrs={203.0.113.7}", "venueCidrs", "does not match"),
    ("networkPolicy.venueCidrs={203.0.113.0/33}", "venueCidrs", "does not match"),
    ("networkPolicy.historyCidrs={300.0.0.0/8}", "historyCidrs/0", "does not match"),
    ("networkPolicy.apiServerPorts={99999}", "apiServerPorts/0", "maximum"),
    ("networkPolicy.metricsNamespace=Prom", "metricsNamespace", "'Prom' does not match"),
]

TAKEN = [
    "operator.resources.limits.cpu=1",
    "operator.resources.limits.cpu=1500m",
    "operator.resources.limits.cpu=0.5",
    "operator.resources.limits.memory=1073741824",
    "operator.resources.limits.ephemeral-storage=1Gi",
    r"stages.forecast.resources.limits.nvidia\.com/gpu=1",
    r"commonLabels.example\.org/team=Red_1",
    "kafka.external.bootstrapServers=kafka-0.brokers.svc:9092",
    r"kafka.external.bootstrapServers=a:9092\,10.0.0.7:9093\,[2001:db8::1]:9092",
    "elasticsearch.external.url=https://es.example.org:9243/behind/a/proxy",
    "elasticsearch.external.url=http://10.0.0.7:9200",
    "networkPolicy.venueCidrs={2001:db8::/32}",
    "networkPolicy.venueCidrs={203.0.113.7/32}",
    "networkPolicy.historyCidrs={10.0.0.0/8,192.0.2.0/24}",
    "operator.watchNamespaces={bots,team-b,1st}",
    "recorder.persistence.size=500M",
    "kafka.strimzi.storage.class=fast.ssd",
    "topics.prefix=Team_A.",
]


EXTRAS = ("$defs/podExtras", "$defs/stage")


def answer_to(value: str) -> tuple[int, str]:
    answer = helm("template", "tradebot", str(CHART), "--set", value)
    return answer.returncode, answer.stderr


@pytest.mark.parametrize(("value", "place", "said"), REFUSED, ids=[r[0] for r in REFUSED])
def test_a_value_that_could_not_work_is_refused_in_a_sentence_that_says_where(
    value: str, place: str, said: str
) -> None:
    code, text = answer_to(value)
    assert code != 0
    (sentence,) = [line for line in text.splitlines() if line.startswith("- at ")]
    where, _, what = sentence.removeprefix("- at ").partition(": ")
    assert place in where and said in what, sentence


@pytest.mark.parametrize("value", TAKEN)
def test_a_value_that_works_is_taken(value: str) -> None:
    assert answer_to(value) == (0, "")


def test_no_mapping_of_the_values_is_open_but_those_that_kubernetes_itself_reads() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    found = set()

    def look(node: object, place: str) -> None:
        if isinstance(node, dict):
            if node.get("type") == "object" and "additionalProperties" not in node:
                found.add(place)
            for key, value in node.items():
                look(value, place if key == "properties" else f"{place}/{key}".lstrip("/"))

    look(schema, "")
    lists = ("envFrom", "volumes", "volumeMounts", "sidecars")
    of_pods = {f"{place}/{name}/items" for place in EXTRAS for name in lists}
    assert found == of_pods | {f"{place}/pod" for place in EXTRAS} | {
        "global",
        "kafka/strimzi/template",
        "kafka/strimzi/config",
        "networkPolicy/kafkaPeers/items",
    }
