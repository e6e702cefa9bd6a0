"""The users of the chart's Elasticsearch, and their rights."""

import base64
import contextlib
import importlib.util
import ssl
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from releases.rendered import (
    CHART,
    MATRIX,
    environment,
    everywhere,
    needs_helm,
    of_kind,
    pods,
    render,
)

pytestmark = needs_helm

TLS = ("elasticsearch.tls=true",)


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "elastic_users", CHART / "files/setup/elastic_users.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [*spec["containers"], *spec.get("initContainers", [])]


def secrets(spec: dict[str, Any], container: dict[str, Any]) -> set[tuple[str, str]]:
    """Returns the Secrets' keys that a container gets, as files or variables."""
    mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
    found = set()
    for volume in spec.get("volumes", []):
        if volume["name"] not in mounted:
            continue
        projected = volume.get("projected", {}).get("sources", [])
        sources = [source["secret"] for source in projected if "secret" in source]
        if "secret" in volume:
            sources.append({"name": volume["secret"]["secretName"]} | volume["secret"])
        for source in sources:
            found |= {(source["name"], item["key"]) for item in source.get("items", [{"key": "*"}])}
    for variable in container.get("env", []):
        if key := variable.get("valueFrom", {}).get("secretKeyRef"):
            found.add((key["name"], key["key"]))
    return found


@everywhere
def test_nobody_but_elasticsearch_and_who_makes_its_users_knows_the_superuser(
    values: tuple[str, ...],
) -> None:
    for name, spec in pods(render(*values)):
        for container in containers(spec):
            keys = {key for _, key in secrets(spec, container)}
            known = "elastic" in keys
            assert known is (container["name"] in ("elasticsearch", "users")), name
            assert "elastic" not in environment(container).values(), name


@pytest.mark.parametrize("values", [MATRIX["defaults"], MATRIX["emulator"], TLS])
def test_each_part_is_a_user_of_its_own_with_its_own_password(values: tuple[str, ...]) -> None:
    told = {key: name for key, (name, _) in script().USERS.items()}
    seen = set()
    for name, spec in pods(render(*values)):
        for container in containers(spec):
            given = environment(container)
            for stage in ("ELASTICSEARCH", "KIBANA"):
                user = given.get(f"TRADEBOT_{stage}_USERNAME")
                if user is None:
                    continue
                file = Path(given[f"TRADEBOT_{stage}_PASSWORD_FILE"])
                assert file.parent.as_posix() in [m["mountPath"] for m in container["volumeMounts"]]
                (key,) = (
                    key
                    for secret, key in secrets(spec, container)
                    if secret == "tradebot-elasticsearch"
                )
                assert user == told[key], name
                seen.add((container["name"].split("-")[0], key))
    assert seen == {
        ("recorder", "recorder"),
        ("documents", "recorder"),
        ("dashboard", "dashboard"),
        ("import", "importer"),
    }


def test_who_makes_the_users_is_given_every_password_that_it_requests() -> None:
    (elastic,) = of_kind(render(), "StatefulSet")
    spec = elastic["spec"]["template"]["spec"]
    (users,) = spec["initContainers"]
    # A sidecar: it lives as long as Elasticsearch, and counts for the pod's readiness.
    assert users["restartPolicy"] == "Always"
    given = environment(users)
    mounts = {mount["mountPath"]: mount["name"] for mount in users["volumeMounts"]}
    (volume,) = [v for v in spec["volumes"] if v["name"] == mounts[given["PASSWORDS"]]]
    paths = {item["path"] for item in volume["secret"]["items"]}
    assert paths == {"elastic", "kibana", *script().USERS}
    probe = users["readinessProbe"]["exec"]["command"]
    assert probe == ["test", "-f", given["DONE_FILE"]]
    assert str(Path(given["DONE_FILE"]).parent) in mounts
    (made,) = [i for i in of_kind(render(), "Secret") if i["metadata"]["name"].endswith("search")]
    assert paths <= made["data"].keys()


def test_with_tls_every_part_speaks_https_and_knows_the_authority() -> None:
    objects = render(*TLS)
    asked = 0
    for name, spec in pods(objects):
        for container in containers(spec):
            given = environment(container)
            addresses = [value for value in given.values() if ":9200" in value]
            assert all(value.startswith("https://") for value in addresses), name
            if addresses:
                asked += 1
                file = next(value for value in given.values() if value.endswith("/ca.crt"))
                mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
                assert str(Path(file).parent) in mounts, name
                shown = secrets(spec, container)
                assert {key for place, key in shown if place.endswith("-tls")} & {"ca.crt", "*"}
    assert asked == 5
    (pair,) = [item for item in of_kind(objects, "Secret") if item["type"] == "kubernetes.io/tls"]
    assert set(pair["data"]) == {"ca.crt", "tls.crt", "tls.key"}


def test_the_key_of_the_certificate_is_seen_by_elasticsearchs_pod_alone() -> None:
    for name, spec in pods(render(*TLS)):
        for container in containers(spec):
            if ("tradebot-elasticsearch-tls", "*") in secrets(spec, container):
                assert name == "StatefulSet/tradebot-elasticsearch"


@pytest.mark.parametrize(
    "name", ["tradebot-elasticsearch.bots.svc", "tradebot-elasticsearch", "localhost", "127.0.0.1"]
)
def test_the_certificate_is_good_for_every_name_by_which_it_is_asked(
    name: str, tmp_path: Path
) -> None:
    (made,) = [i for i in of_kind(render(*TLS), "Secret") if i["type"] == "kubernetes.io/tls"]
    for key, value in made["data"].items():
        (tmp_path / key).write_bytes(base64.b64decode(value))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    asking = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    asking.verify_flags |= ssl.VERIFY_X509_STRICT
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = serving.wrap_bio(there, back, server_side=True)
    client = asking.wrap_bio(back, there, server_hostname=name)
    for _ in range(4):
        for end in (client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
    assert client.version() is not None and client.getpeercert()
