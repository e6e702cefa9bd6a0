"""The operator's actions: a pure function of the desired and the live state."""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from releases.made_children import SETTINGS, alive, bot, children, pod, unit

from tradebot_operator.reconcile import (
    Apply,
    Delete,
    Finalize,
    Trim,
    converge,
    reference,
    refusal,
    shared,
    trader,
)
from tradebot_operator.resource import FLATTEN_FINALIZER, TradeBot
from tradebot_operator.stages.trader import trader_children


def test_what_is_missing_is_made_the_deployment_last() -> None:
    wanted = children(bot(), "trader")
    assert converge(wanted, []) == [Apply(item) for item in wanted]
    assert wanted[-1]["kind"] == "Deployment"


def test_what_is_there_needs_nothing() -> None:
    wanted = children(bot(), "trader")
    assert converge(wanted, alive(wanted)) == []


def test_a_variable_added_manually_is_trimmed() -> None:
    wanted = children(bot(), "trader")
    live = alive(wanted)
    pod(live)["containers"][0]["env"].append({"name": "TRADEBOT_MODE", "value": "Live"})
    (action,) = converge(wanted, live)
    assert isinstance(action, Trim)
    assert action.manifest["kind"] == "Deployment"


def test_a_rolling_update_set_manually_is_removed_whole_and_the_rest_afterwards() -> None:
    wanted = children(bot(), "trader")
    live = alive(wanted)
    spec = live[-1]["spec"]
    spec["strategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}}
    spec["replicas"] = 3
    (action,) = converge(wanted, live)
    assert isinstance(action, Trim)
    assert action.patch[1] == {
        "op": "replace",
        "path": "/spec/strategy",
        "value": {"type": "Recreate"},
    }
    spec["strategy"] = {"type": "Recreate"}
    assert converge(wanted, live) == [Apply(wanted[-1])]


def test_an_old_config_goes_when_no_deployment_reads_it() -> None:
    before = alive(children(bot(), "trader"))
    wanted = children(bot(riskFraction="0.1"), "trader")
    first = converge(wanted, before)
    assert [type(action) for action in first] == [Apply, Apply]
    after = [item for item in before if item["kind"] != "Deployment"] + alive(wanted)[-2:]
    (last,) = converge(wanted, after)
    assert isinstance(last, Delete)
    assert reference(last.live) == reference(before[-2])


def test_a_unit_that_no_bot_needs_goes_whole() -> None:
    live = alive(children(bot(), "ingest"))
    actions = shared(unit(bot(), "ingest"), [], live, SETTINGS)
    assert actions == [Delete(item) for item in live]


def test_a_bot_that_is_refused_has_no_trader() -> None:
    live = alive(children(bot(), "trader"))
    why = refusal(bot(venue={"environment": "Production"}), [], {}, SETTINGS)
    assert why is not None and why.reason == "EnvironmentNotServed"
    actions = trader(unit(bot(), "trader"), bot(), why, live, SETTINGS)
    assert actions == [Delete(item) for item in live]


def keyed(name: str, created: str) -> TradeBot:
    return bot(name, created, venue={"credentialsSecret": "keys"})


def test_of_two_bots_with_one_key_the_older_trades_and_the_other_gets_the_reason() -> None:
    older, newer = keyed("z", "2026-01-01T00:00:00Z"), keyed("a", "2026-01-02T00:00:00Z")
    assert refusal(older, [older, newer], {}, SETTINGS) is None
    why = refusal(newer, [older, newer], {}, SETTINGS)
    assert why is not None and why.reason == "KeysInUse"
    assert "TradeBot z already uses the keys in Secret keys" in why.message


def test_the_bot_whose_trader_uses_the_key_keeps_it_from_an_older_one() -> None:
    older, newer = keyed("z", "2026-01-01T00:00:00Z"), keyed("a", "2026-01-02T00:00:00Z")
    traders = {"trader-a": children(newer, "trader")[-1]}
    assert refusal(newer, [older, newer], traders, SETTINGS) is None
    assert refusal(older, [older, newer], traders, SETTINGS) is not None


def test_a_trader_that_is_left_of_a_bot_that_is_gone_keeps_the_key() -> None:
    gone, fresh = keyed("old", "2026-01-01T00:00:00Z"), keyed("new", "2026-01-02T00:00:00Z")
    traders = {"trader-old": children(gone, "trader")[-1]}
    why = refusal(fresh, [fresh], traders, SETTINGS)
    assert why is not None and "Deployment trader-old" in why.message


@given(
    created=st.lists(st.integers(0, 3), min_size=1, max_size=5),
    holding=st.sets(st.integers(0, 4)),
)
def test_whatever_is_there_at_most_one_bot_trades_on_a_key(
    created: list[int], holding: set[int]
) -> None:
    bots = [keyed(f"b{i}", f"2026-01-0{day + 1}T00:00:00Z") for i, day in enumerate(created)]
    traders = {f"trader-b{i}": children(bots[i], "trader")[-1] for i in holding if i < len(bots)}
    admitted = [item for item in bots if refusal(item, bots, traders, SETTINGS) is None]
    assert len(admitted) <= 1


def flattening(seconds: float) -> tuple[TradeBot, datetime]:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    item = msgspec.structs.replace(
        bot(deletionPolicy="Flatten"), deleted_at=start, finalizers=(FLATTEN_FINALIZER,)
    )
    return item, start + timedelta(seconds=seconds)


def test_a_bot_that_is_to_be_flattened_is_held_by_a_finalizer_and_no_other_is() -> None:
    item = bot(deletionPolicy="Flatten")
    live = alive(children(item, "trader"))
    assert trader(unit(item, "trader"), item, None, live, SETTINGS) == [
        Finalize(item, (FLATTEN_FINALIZER,))
    ]
    held = msgspec.structs.replace(bot(), finalizers=("other", FLATTEN_FINALIZER))
    live = alive(children(held, "trader"))
    assert trader(unit(held, "trader"), held, None, live, SETTINGS) == [Finalize(held, ("other",))]


def test_flattening_restarts_the_trader_with_the_order_then_stops_it_then_lets_the_bot_go() -> None:
    item, now = flattening(1)
    spot = unit(item, "trader")
    live = alive(children(item, "trader"))
    ordered = trader(spot, item, None, live, SETTINGS, pods=1, now=now)
    config = next(a.manifest for a in ordered if isinstance(a, Apply))
    assert config["data"]["TRADEBOT_ON_STOP"] == "flatten"
    live = alive(trader_children(spot, item, SETTINGS, flatten=True))
    assert trader(spot, item, None, live, SETTINGS, pods=1, now=now) == []
    live[-1]["metadata"]["generation"] = 2
    live[-1]["status"] = {"readyReplicas": 1, "updatedReplicas": 1, "observedGeneration": 1}
    assert trader(spot, item, None, live, SETTINGS, pods=1, now=now) == [], "the old pod is ready"
    live[-1]["status"]["observedGeneration"] = 2
    (stop,) = trader(spot, item, None, live, SETTINGS, pods=1, now=now)
    assert isinstance(stop, Apply) and stop.manifest["spec"]["replicas"] == 0
    live = alive(trader_children(spot, item, SETTINGS, flatten=True, replicas=0))
    assert trader(spot, item, None, live, SETTINGS, pods=1, now=now) == []
    (end,) = trader(spot, item, None, live, SETTINGS, pods=0, now=now)
    assert isinstance(end, Finalize) and end.finalizers == ()
    assert end.event is not None and end.event.reason == "Flattened"


def test_flattening_ends_in_time_whatever_happens() -> None:
    item, now = flattening(SETTINGS.flatten_seconds + 1)
    live = alive(children(item, "trader"))
    (end,) = trader(unit(item, "trader"), item, None, live, SETTINGS, pods=1, now=now)
    assert isinstance(end, Finalize) and end.event is not None
    assert end.event.reason == "FlattenTimedOut"
    assert "a position may remain" in end.event.message


def test_a_bot_that_is_going_gets_no_new_children() -> None:
    going = msgspec.structs.replace(bot(), deleted_at=datetime.now(UTC))
    assert trader(unit(going, "trader"), going, None, [], SETTINGS) == []
