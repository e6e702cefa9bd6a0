"""What outlives an upgrade, an environment and the release: passwords, journals, brokers on claims.

Hooks are skipped: these tests need no images.
"""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from apiserver import Api, eventually
from releases.rendered import CHART, needs_helm
from releases.rendered import helm as helm_answer

STRIMZI = os.environ.get("TRADEBOT_TEST_STRIMZI_CRDS", "")
KAFKA = "/apis/kafka.strimzi.io/v1/namespaces/{}/{}"
KINDS = ("kafkas", "kafkanodepools", "kafkatopics", "kafkausers")
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
EXTERNAL = "kafka.external.bootstrapServers=kafka:9092"
BARE = ("crds.enabled=false", "kibana.enabled=false", "dashboard.enabled=false")
NO_DOCUMENTS = "elasticsearch.enabled=false"
CLAIMS = (NO_DOCUMENTS, "kafka.strimzi.storage.type=persistent-claim")
SECURE = (*CLAIMS, "kafka.strimzi.secure=true")
BOTH = (*CLAIMS, "environments={Sandbox,Production}")
TLS = (EXTERNAL, "elasticsearch.tls=true")

pytestmark = [pytest.mark.cluster, needs_helm]


def helm(namespace: str, *arguments: str) -> None:
    answer = helm_answer(*arguments, "-n", namespace, "--no-hooks")
    assert answer.returncode == 0, answer.stderr


def bring(namespace: str, *values: str) -> None:
    """Installs or upgrades."""
    sets = [part for value in (*BARE, *values) for part in ("--set", value)]
    helm(namespace, "upgrade", "--install", "tradebot", str(CHART), *sets)


def told(api: Api) -> set[str]:
    """Returns Strimzi's kinds that the API server serves."""
    answer = api.request("GET", "/apis/kafka.strimzi.io/v1")
    return {item["name"] for item in answer.json().get("resources", [])}


@pytest.fixture
def strimzi(api: Api) -> None:
    """Installs Strimzi's definitions, without its operator."""
    if not STRIMZI:
        pytest.skip("needs Strimzi's CRDs: TRADEBOT_TEST_STRIMZI_CRDS")
    for crd in filter(None, yaml.safe_load_all(Path(STRIMZI).read_text())):
        api.apply(f"{CRDS}/{crd['metadata']['name']}", crd).raise_for_status()
    # Helm reads which kinds are served, so each must be served first.
    assert eventually(lambda: told(api) >= set(KINDS))


def brokers(api: Api, namespace: str) -> dict[str, str]:
    """Returns the uid of all Strimzi objects, by kind and name."""
    return {
        f"{kind}/{item['metadata']['name']}": item["metadata"]["uid"]
        for kind in KINDS
        for item in api.get(KAFKA.format(namespace, kind))["items"]
    }


def of_money(*environments: str) -> set[str]:
    return {
        f"kafkatopics/tradebot-{environment}.{topic}"
        for environment in environments
        for topic in ("trader-journal", "trade-documents")
    }


RUNNING = {"kafkas/tradebot", "kafkanodepools/tradebot-brokers"}


@pytest.mark.usefixtures("strimzi")
def test_journals_and_documents_outlive_their_environment_and_come_back_with_it(
    api: Api, namespace: str
) -> None:
    bring(namespace, *BOTH)
    before = brokers(api, namespace)
    bring(namespace, *CLAIMS, "environments={Sandbox}")
    without = brokers(api, namespace)
    of_production = {name for name in before if "-production." in name}
    assert set(before) - set(without) == of_production - of_money("production")
    bring(namespace, *BOTH)
    after = brokers(api, namespace)
    assert set(after) == set(before)
    kept = RUNNING | of_money("sandbox", "production")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}


@pytest.mark.usefixtures("strimzi")
def test_uninstalling_leaves_brokers_on_claims_with_what_the_traders_did_and_a_new_release_has_them(
    api: Api, namespace: str
) -> None:
    bring(namespace, *SECURE)
    before = brokers(api, namespace)
    helm(namespace, "uninstall", "tradebot", "--wait")
    left = brokers(api, namespace)
    assert set(left) == RUNNING | of_money("sandbox")
    bring(namespace, *SECURE)
    after = brokers(api, namespace)
    assert set(after) == set(before)
    assert {name: after[name] for name in left} == left


@pytest.mark.usefixtures("strimzi")
def test_what_is_kept_can_be_taken_along_or_removed_as_the_readme_says(
    api: Api, namespace: str
) -> None:
    bring(namespace, *CLAIMS)
    bring(namespace, *CLAIMS, "kafka.strimzi.keep=false")
    helm(namespace, "uninstall", "tradebot", "--wait")
    assert brokers(api, namespace) == {}

    bring(namespace, NO_DOCUMENTS)
    helm(namespace, "uninstall", "tradebot", "--wait")
    assert set(brokers(api, namespace)) == of_money("sandbox")


def secret(api: Api, namespace: str, name: str = "tradebot-elasticsearch") -> dict[str, Any]:
    return dict(api.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")["data"])


def test_passwords_are_made_once_and_outlive_upgrades_and_the_release(
    api: Api, namespace: str
) -> None:
    tls = "tradebot-elasticsearch-tls"
    bring(namespace, *TLS)
    made, certificate = secret(api, namespace), secret(api, namespace, tls)
    assert set(made) >= {"elastic", "kibana", "encryptionKey"}
    assert len(set(made.values())) == len(made)
    for value in ("elasticsearch.heap=600m", "elasticsearch.heap=700m"):
        bring(namespace, *TLS, value)
        assert secret(api, namespace) == made
        assert secret(api, namespace, tls) == certificate
    helm(namespace, "rollback", "tradebot", "1")
    assert secret(api, namespace) == made
    helm(namespace, "uninstall", "tradebot", "--wait")
    bring(namespace, EXTERNAL)
    assert secret(api, namespace) == made


def test_when_the_emulators_time_began_outlives_upgrades(api: Api, namespace: str) -> None:
    values = (EXTERNAL, NO_DOCUMENTS, "emulator.enabled=true")
    path = f"/api/v1/namespaces/{namespace}/configmaps/tradebot-emulator"
    bring(namespace, *values)
    began = api.get(path)["data"]
    for seed in ("emulator.seed=2", "emulator.seed=3"):
        bring(namespace, *values, seed)
        assert api.get(path)["data"] == began
