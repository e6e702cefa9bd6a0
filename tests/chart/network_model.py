"""What NetworkPolicies allow, as Kubernetes specifies it: a pure model over rendered manifests.

A pod that no policy selects for a direction is open in that direction. A selected one may do what
any of its policies allows: a rule without `to` (or `from`) allows every peer, a rule without
`ports` every port. A connection needs the egress of one end and the ingress of the other. An
ipBlock is assumed to include pods' addresses, as in some networks, so the model errs towards open.
"""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any, Literal

import msgspec

Direction = Literal["Egress", "Ingress"]
NAMESPACE_NAME = "kubernetes.io/metadata.name"


class Pod(msgspec.Struct, frozen=True):
    """A pod by its labels, with the ports that it listens on."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    ports: tuple[int, ...] = ()
    address: str = "10.244.0.1"


class Outside(msgspec.Struct, frozen=True):
    """An address outside the cluster."""

    address: str


Peer = Pod | Outside


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector matches these labels; an empty one matches all.

    Raises:
        ValueError: an unknown operator.
    """
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    return all(_holds(rule, labels) for rule in selector.get("matchExpressions", []))


def _holds(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, values = labels.get(rule["key"]), rule.get("values", [])
    match rule["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    raise ValueError(f"{rule['operator']} is not an operator of a label selector")


def of_pod(
    policies: Iterable[dict[str, Any]], pod: Pod, direction: Direction
) -> list[dict[str, Any]]:
    """Returns the policies that restrict the pod in that direction."""
    return [
        policy
        for policy in policies
        if policy["metadata"]["namespace"] == pod.namespace
        and direction in _types(policy["spec"])
        and selects(policy["spec"]["podSelector"], pod.labels)
    ]


def _types(spec: Mapping[str, Any]) -> Sequence[str]:
    return spec.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in spec else [])]


def allows(
    policies: Iterable[dict[str, Any]],
    pod: Pod,
    direction: Direction,
    peer: Peer,
    port: int,
    protocol: str = "TCP",
) -> bool:
    """Whether the pod's own policies let it send to, or receive from, the peer at the port."""
    restricting = of_pod(policies, pod, direction)
    if not restricting:
        return True
    peers = "to" if direction == "Egress" else "from"
    return any(
        _port_in(rule.get("ports"), port, protocol)
        and _peer_in(rule.get(peers), peer, policy["metadata"]["namespace"])
        for policy in restricting
        for rule in policy["spec"].get(direction.lower()) or []
    )


def _port_in(ports: Sequence[Mapping[str, Any]] | None, port: int, protocol: str) -> bool:
    if not ports:
        return True
    return any(
        item.get("protocol", "TCP") == protocol
        and ("port" not in item or item["port"] <= port <= item.get("endPort", item["port"]))
        for item in ports
    )


def _peer_in(peers: Sequence[Mapping[str, Any]] | None, peer: Peer, namespace: str) -> bool:
    return not peers or any(_is_peer(rule, peer, namespace) for rule in peers)


def _is_peer(rule: Mapping[str, Any], peer: Peer, namespace: str) -> bool:
    if "ipBlock" in rule:
        address, block = ip_address(peer.address), rule["ipBlock"]
        excepted = any(address in ip_network(part) for part in block.get("except", []))
        return address in ip_network(block["cidr"]) and not excepted
    if isinstance(peer, Outside):
        return False
    if "namespaceSelector" in rule:
        inside = selects(rule["namespaceSelector"], {NAMESPACE_NAME: peer.namespace})
    else:
        inside = peer.namespace == namespace
    return inside and selects(rule.get("podSelector", {}), peer.labels)


def connects(policies: Sequence[dict[str, Any]], source: Pod, target: Pod, port: int) -> bool:
    """Whether one pod may open a connection to the other: both ends must allow it."""
    return allows(policies, source, "Egress", target, port) and allows(
        policies, target, "Ingress", source, port
    )
