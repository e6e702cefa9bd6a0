"""The schemas of Kubernetes' own objects, for each version that the chart supports."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
from kubernetes_validate import utils as schemas
from referencing import Registry, Resource
from releases.rendered import CHART

OTHERS = ("kafka.strimzi.io/", "monitoring.coreos.com/", "keda.sh/")
OLDEST = re.search(r">=1\.(\d+)\.", (CHART / "Chart.yaml").read_text())
NEWEST = int(schemas.latest_version().split(".")[1])
assert OLDEST is not None
VERSIONS = [f"1.{minor}" for minor in range(int(OLDEST[1]), NEWEST + 1)]


@cache
def definitions(version: str) -> Resource[Any]:
    file = f"kubernetes-json-schema/v{version}.0-local-strict/_definitions.json"
    return Resource.from_contents(schemas.schema_contents(file, version))


@cache
def validator(version: str, api_version: str, kind: str) -> jsonschema.protocols.Validator:
    group, _, name = api_version.rpartition("/")
    place = f"{group.split('.')[0]}-{name}".removeprefix("-")
    file = f"kubernetes-json-schema/v{version}.0-local-strict/{kind.lower()}-{place}.json"
    schema = schemas.schema_contents(file, version)
    registry: Registry[Any] = Resource.from_contents(schema) @ Registry()
    return jsonschema.Draft202012Validator(schema, registry=definitions(version) @ registry)


def problems(version: str, item: dict[str, Any]) -> Iterator[str]:
    for error in validator(version, item["apiVersion"], item["kind"]).iter_errors(item):
        place = ".".join(map(str, error.path))
        yield f"{item['kind']} {item['metadata']['name']}: {place}: {error.message[:200]}"


def strict(node: Any) -> Any:
    """Returns the schema, changed to refuse unknown fields."""
    if isinstance(node, list):
        return [strict(part) for part in node]
    if not isinstance(node, dict):
        return node
    closed = {} if "properties" not in node else {"additionalProperties": False}
    return closed | {key: strict(value) for key, value in node.items()}
