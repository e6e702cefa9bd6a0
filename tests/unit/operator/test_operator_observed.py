"""The operator's observed state: what the watches showed, and its own writes."""

from collections.abc import Callable
from typing import Any

from tradebot_operator.observed import Observed, child_keys, trim


def live(name: str, version: str, **spec: Any) -> dict[str, Any]:
    return trim(
        "Deployment",
        {
            "metadata": {
                "name": name,
                "namespace": "bots",
                "uid": f"uid-{name}",
                "resourceVersion": version,
                "labels": {"tradebot.dev/unit": "u"},
                "managedFields": ["long"],
            },
            "spec": {"template": {}} | spec,
        },
    )


def observed(*indexed: dict[str, Any], clock: Callable[[], float] = lambda: 0.0) -> Observed:
    index: dict[Any, list[Any]] = {}
    for item in indexed:
        for key, value in child_keys(item).items():
            index.setdefault(key, []).append(value)
    return Observed({}, [index], {}, {}, clock)


def test_our_own_write_is_seen_before_the_watch_shows_it() -> None:
    seen = observed(live("d", "1", replicas=1))
    seen.wrote(live("d", "2", replicas=5))
    seen.wrote(live("new", "3"))
    found = {item["metadata"]["name"]: item for item in seen.children("bots", "u")}
    assert found["d"]["spec"]["replicas"] == 5
    assert "new" in found


def test_a_newer_version_of_the_watch_replaces_our_own_write() -> None:
    seen = observed(live("d", "9", replicas=7))
    seen.wrote(live("d", "2", replicas=5))
    (found,) = seen.children("bots", "u")
    assert found["spec"]["replicas"] == 7


def test_what_somebody_else_deleted_is_gone_though_we_wrote_it_a_moment_ago() -> None:
    seen = observed()
    seen.wrote(live("d", "2"))
    seen.seen_gone("uid-another", ("unit", "bots", "u"))
    assert seen.children("bots", "u")
    seen.seen_gone("uid-d", ("unit", "bots", "u"))
    assert seen.children("bots", "u") == []


def test_our_own_write_is_past_once_the_watch_has_shown_it() -> None:
    indexed = [live("d", "2")]
    index: dict[Any, list[Any]] = {("unit", "bots", "u"): indexed}
    seen = Observed({}, [index], {}, {}, lambda: 0.0)
    seen.wrote(live("d", "2"))
    assert len(seen.children("bots", "u")) == 1
    indexed.clear()
    assert seen.children("bots", "u") == []


def test_what_we_deleted_is_gone_before_the_watch_shows_it() -> None:
    seen = observed(live("d", "1"))
    seen.deleted(live("d", "1"))
    assert seen.children("bots", "u") == []


def test_a_write_that_no_watch_ever_shows_is_not_believed_for_long() -> None:
    now = 0.0
    seen = observed(clock=lambda: now)
    seen.wrote(live("d", "2"))
    assert seen.children("bots", "u")
    now = 31.0
    assert seen.children("bots", "u") == []


def test_what_the_operator_does_not_look_at_is_not_kept() -> None:
    assert "managedFields" not in live("d", "1")["metadata"]
