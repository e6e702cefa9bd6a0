"""Who may open a connection to whom."""

from typing import Any

from rendered import MATRIX, needs_helm, of_kind, render

pytestmark = needs_helm


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    for rule in selector.get("matchExpressions", []):
        inside = labels.get(rule["key"]) in rule["values"]
        if inside != (rule["operator"] == "In"):
            return False
    return True


def reached(objects: tuple[dict[str, Any], ...], labels: dict[str, str], port: int) -> set[str]:
    """The address ranges in which a pod of these labels may open a connection to the port."""
    found: set[str] = set()
    for policy in of_kind(objects, "NetworkPolicy"):
        if not matches(policy["spec"]["podSelector"], labels):
            continue
        for rule in policy["spec"].get("egress", []):
            if port in [item["port"] for item in rule["ports"]]:
                blocks = [peer["ipBlock"] for peer in rule.get("to", []) if "ipBlock" in peer]
                found |= {block["cidr"] for block in blocks}
                world = [block for block in blocks if block["cidr"] == "0.0.0.0/0"]
                if port == 443:
                    assert all("10.0.0.0/8" in block["except"] for block in world)
    return found


def of_stage(stage: str, environment: str, egress: str = "") -> dict[str, str]:
    """The labels of a stage's pod, as the operator sets them."""
    labels = {
        "app.kubernetes.io/part-of": "tradebot",
        "app.kubernetes.io/component": stage,
        "tradebot.dev/stage": stage,
        "tradebot.dev/environment": environment,
    }
    return labels | ({"tradebot.dev/egress": egress} if egress else {})


def test_the_network_is_closed_but_for_what_each_part_needs() -> None:
    objects = render(
        *MATRIX["emulator"],
        "networkPolicy.apiServerPorts={6443}",
        "networkPolicy.venueCidr=203.0.113.0/24",
    )
    for stage in ("ingest", "liquidity", "forecast", "trader"):
        assert not reached(objects, of_stage(stage, "Emulator"), 443), stage
    for stage in ("ingest", "trader"):
        assert reached(objects, of_stage(stage, "Sandbox", "venue"), 443) == {"203.0.113.0/24"}
    assert reached(objects, of_stage("trader", "Emulator"), 6443) == {"0.0.0.0/0"}
    assert not reached(objects, of_stage("forecast", "Sandbox", "venue"), 6443)
    denied = next(
        item
        for item in of_kind(objects, "NetworkPolicy")
        if item["metadata"]["name"] == "tradebot-default"
    )
    assert denied["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert all("to" not in rule or rule["to"] for rule in denied["spec"]["egress"])


def test_a_forecast_reaches_nothing_but_the_history_that_its_bot_asks_for() -> None:
    asked = [of_stage("forecast", "Sandbox", egress) for egress in ("venue", "web")]
    claim = of_stage("forecast", "Sandbox")
    for labels in asked:
        assert reached(render(), labels, 443) == {"0.0.0.0/0"}
        narrow = render("networkPolicy.historyCidrs={203.0.113.7/32}")
        assert reached(narrow, labels, 443) == {"203.0.113.7/32"}
        assert not reached(render("networkPolicy.historyCidrs=null"), labels, 443)
    assert not reached(render(), claim, 443)
