"""The rights of each account at the API server: what its part needs, and nothing else."""

import itertools
from typing import Any

import pytest
import service_accounts
from apiserver import Api
from releases.rendered import EXTERNAL, MATRIX, needs_helm, of_kind, pods, render
from waiting.conditions import until

from tradebot_operator.api import resource

pytestmark = [pytest.mark.cluster, needs_helm]

Key = tuple[str, str, str, str]
"""A group, a resource, a subresource, and the name of one object or none."""

ALL = {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}
APPLIED = {"get", "list", "watch", "create", "patch", "delete"}
BOTS, LEASES = ("tradebot.dev", "tradebots"), ("coordination.k8s.io", "leases")
OPERATOR: dict[Key, set[str]] = {
    (*BOTS, "", ""): {"get", "list", "watch", "patch"},
    (*BOTS, "status", ""): {"patch"},
    ("apps", "deployments", "", ""): APPLIED,
    ("", "configmaps", "", ""): APPLIED,
    ("", "serviceaccounts", "", ""): APPLIED,
    ("rbac.authorization.k8s.io", "roles", "", ""): APPLIED,
    ("rbac.authorization.k8s.io", "rolebindings", "", ""): APPLIED,
    (*LEASES, "", ""): {"get", "create", "update"},
    ("", "pods", "", ""): {"get", "list", "watch"},
    ("", "events", "", ""): {"list", "create"},
    ("", "namespaces", "", ""): {"get"},
}
TRADER: dict[Key, set[str]] = {
    # its own TradeBot and its own Lease; the other names are its neighbour's
    (*BOTS, "", "btc"): {"get", "list", "watch"},
    (*BOTS, "status", "btc"): {"patch"},
    (*LEASES, "", "trader-btc"): {"get", "create", "update"},
}
CLOSED: list[Key] = [
    (*BOTS, "", "eth"),
    (*BOTS, "status", "eth"),
    (*BOTS, "finalizers", "btc"),
    (*LEASES, "", "trader-eth"),
    ("", "secrets", "", ""),
    ("", "secrets", "", "btc-gemini"),
    ("", "pods", "exec", ""),
    ("", "pods", "log", ""),
    ("", "pods", "portforward", ""),
    ("", "serviceaccounts", "token", "trader-btc"),
    ("apps", "statefulsets", "", ""),
    ("batch", "jobs", "", ""),
    ("networking.k8s.io", "networkpolicies", "", ""),
    ("apiextensions.k8s.io", "customresourcedefinitions", "", ""),
]


def may(api: Api, namespace: str, account: str, key: Key) -> set[str]:
    """Returns the verbs that the account may use on that."""
    group, kind, subresource, name = key
    place = {"namespace": namespace, "group": group, "resource": kind}
    place |= {"subresource": subresource, "name": name}
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    asker = {
        "user": f"system:serviceaccount:{namespace}:{account}",
        "groups": [*groups, "system:authenticated"],
    }
    found = set()
    for verb in ALL:
        body: dict[str, Any] = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": asker | {"resourceAttributes": place | {"verb": verb}},
        }
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        if api.post(path, body).raise_for_status().json()["status"]["allowed"]:
            found.add(verb)
    return found


@pytest.fixture
def installed(api: Api, namespace: str) -> str:
    """Creates a release's accounts and their rights in a namespace."""
    for item in of_kind(
        render(EXTERNAL, namespace=namespace), *("ServiceAccount", "Role", "RoleBinding")
    ):
        place = resource(item["kind"]).path(item["metadata"]["name"], namespace)
        api.apply(place, item).raise_for_status()
    roles = ("rbac.authorization.k8s.io", "roles", "", "")
    # The API server's authorizer learns of a new role a moment after it was written.
    until(lambda: may(api, namespace, "tradebot-operator", roles) == APPLIED)
    until(lambda: may(api, namespace, "tradebot-dashboard-sandbox", (*BOTS, "", "")))
    return namespace


def test_the_operator_may_do_what_it_needs_and_nothing_else(api: Api, installed: str) -> None:
    for key in {*OPERATOR, *((*k[:3], "any") for k in OPERATOR)}:
        wanted = OPERATOR[(*key[:3], "")]
        assert may(api, installed, "tradebot-operator", key) == wanted, key
    for key in CLOSED:
        wanted = OPERATOR.get((*key[:3], ""), set())
        assert may(api, installed, "tradebot-operator", key) == wanted, key


@pytest.mark.parametrize("account", ["tradebot-workload", "default"])
def test_who_does_not_speak_to_the_api_server_may_do_nothing(
    api: Api, installed: str, account: str
) -> None:
    for key in itertools.chain(OPERATOR, TRADER, CLOSED):
        assert may(api, installed, account, key) == set(), key


def test_the_page_may_read_and_patch_tradebots_and_nothing_else(api: Api, installed: str) -> None:
    for key in itertools.chain(OPERATOR, TRADER, CLOSED):
        bots = key[:3] == (*BOTS, "")
        wanted = {"get", "list", "watch", "patch"} if bots else set()
        assert may(api, installed, "tradebot-dashboard-sandbox", key) == wanted, key


def test_every_other_pod_of_the_chart_is_of_the_account_without_rights() -> None:
    accounts: dict[str, set[str]] = {}
    for values in MATRIX.values():
        for name, spec in pods(render(*values)):
            account = spec["serviceAccountName"]
            kind = "dashboard" if "-dashboard-" in account else account.rpartition("-")[2]
            accounts.setdefault(kind, set()).add(name)
    assert set(accounts) == {"operator", "workload", "dashboard"}
    assert {name.rpartition("-")[2] for name in accounts["operator"]} <= {"operator", "uninstall"}
    # Without Elasticsearch the page is in the recorder's pod.
    assert all("-dashboard" in name or "-recorder" in name for name in accounts["dashboard"])


def test_a_trader_may_speak_of_its_own_bot_and_hold_its_own_lease_alone(
    api: Api, account: service_accounts.Account
) -> None:
    for key, wanted in TRADER.items():
        assert may(api, account.namespace, "trader-btc", key) == wanted, key
    for key in (*CLOSED, *((*k[:3], "") for k in TRADER), *OPERATOR):
        assert may(api, account.namespace, "trader-btc", key) == set(), key
