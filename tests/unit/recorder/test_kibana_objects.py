"""The saved objects have the shapes of Kibana's own sample dashboards, and are consistent."""

import copy
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from observing.kibana_shapes import faults

from tradebot.documents import BODIES
from tradebot.recorder.kibana.columns import Columns
from tradebot.recorder.kibana.description import Formula, Layer, Metric, Terms
from tradebot.recorder.kibana.objects import ndjson, saved_objects
from tradebot.records import DocType

OBJECTS = saved_objects()
DASHBOARDS = [o for o in OBJECTS if o["type"] == "dashboard"]


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(dashboard["attributes"]["panelsJSON"])
    return found


LENSES = [
    pytest.param(panel["embeddableConfig"]["attributes"], id=f"{d['id']}: {panel['title']}")
    for d in DASHBOARDS
    for panel in panels(d)
    if panel["type"] == "lens"
]


def fields_of(data_view: str) -> set[str]:
    kind = data_view.removeprefix("tradebot-")
    kinds = list(DocType) if kind == "all" else [DocType(kind)]
    return {"bot", "symbol", "ts", "doc_type"} | {
        field.name for each in kinds for field in msgspec.structs.fields(BODIES[each])
    }


def test_the_four_dashboards_and_the_one_of_a_trade_are_there() -> None:
    assert {d["attributes"]["title"] for d in DASHBOARDS} == {
        f"[tradebot] {name}"
        for name in ("Trading", "Liquidity", "Forecast", "Operations", "One trade")
    }


def test_ids_are_fixed_and_unique_so_that_an_import_replaces() -> None:
    keys = [(o["type"], o["id"]) for o in OBJECTS]
    assert len(keys) == len(set(keys))
    assert ndjson() == ndjson()


def test_every_reference_names_an_object_that_comes_before_it() -> None:
    known: set[tuple[str, str]] = set()
    for each in OBJECTS:
        assert {(r["type"], r["id"]) for r in each["references"]} <= known, each["id"]
        known.add((each["type"], each["id"]))


@pytest.mark.parametrize("saved", OBJECTS, ids=lambda o: o["id"])
def test_an_object_has_the_shape_of_those_that_kibana_carries_itself(saved: dict[str, Any]) -> None:
    assert list(faults(saved)) == []


def broken(part: str, by: Callable[[Any], object]) -> list[str]:
    """Returns the faults of Trading's dashboard after `by` changed a part of it."""
    saved: dict[str, Any] = copy.deepcopy(next(o for o in OBJECTS if o["id"] == "tradebot-trading"))
    attributes = saved["attributes"]
    inside = json.loads(attributes["panelsJSON"])
    lens = next(p for p in inside if p["type"] == "lens")["embeddableConfig"]["attributes"]
    layer = lens["state"]["datasourceStates"]["formBased"]["layers"]["layer0"]
    parts = {"attributes": attributes, "lens": lens["state"], "layer": layer}
    by(parts[part] if part in parts else layer["columns"]["metric0"])
    if part != "attributes":
        attributes["panelsJSON"] = json.dumps(inside)
    return list(faults(saved))


@pytest.mark.parametrize(
    ("part", "by", "said"),
    [
        ("attributes", lambda a: a.update(colour="red"), "Kibana's own have no colour"),
        ("attributes", lambda a: a.pop("optionsJSON"), "optionsJSON is missing"),
        ("attributes", lambda a: a.update(panelsJSON="[{"), "is not text that is JSON"),
        ("lens", lambda state: state["visualization"].pop("layerType"), "layerType is missing"),
        ("layer", lambda layer: layer.pop("columnOrder"), "columnOrder is missing"),
        ("column", lambda c: c.update(operationType="mean"), "there is no column/mean"),
        ("column", lambda c: c["params"].pop("sortField"), "sortField is missing"),
        ("column", lambda c: c.update(isBucketed=1), "1 is not flag"),
        ("column", lambda c: c.update(scale="linear"), "'linear' is none of ratio"),
    ],
)
def test_what_kibana_s_own_have_not_is_a_fault(
    part: str, by: Callable[[Any], object], said: str
) -> None:
    (fault,) = broken(part, by)
    assert said in fault


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda d: d["id"])
def test_a_dashboard_refreshes_and_lets_bots_symbols_and_environments_be_chosen(
    dashboard: dict[str, Any],
) -> None:
    attributes = dashboard["attributes"]
    assert attributes["refreshInterval"] == {"pause": False, "value": 10_000}
    controls = json.loads(attributes["controlGroupInput"]["panelsJSON"])
    assert [c["explicitInput"]["fieldName"] for c in controls.values()] == [
        "bot",
        "symbol",
        "environment",
    ]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda d: d["id"])
def test_panels_fill_the_grid_without_overlapping(dashboard: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels(dashboard):
        grid = panel["gridData"]
        assert grid["x"] + grid["w"] <= 48 and grid["i"] == panel["panelIndex"]
        cells = {
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not cells & taken
        taken |= cells


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda d: d["id"])
def test_each_reference_of_a_panel_is_lifted_to_the_dashboard(dashboard: dict[str, Any]) -> None:
    names = {r["name"] for r in dashboard["references"]}
    expected = {
        f"controlGroup_{field}:optionsListDataView" for field in ("bot", "symbol", "environment")
    }
    for panel in panels(dashboard):
        identifier = panel["panelIndex"]
        if panel["type"] == "search":
            expected.add(f"{identifier}:{panel['panelRefName']}")
        else:
            references = panel["embeddableConfig"]["attributes"]["references"]
            expected |= {f"{identifier}:{r['name']}" for r in references}
            actions = panel["embeddableConfig"]["enhancements"].get("dynamicActions", {})
            expected |= {
                f"{identifier}:drilldown:{e['action']['factoryId']}:{e['eventId']}:dashboardId"
                for e in actions.get("events", [])
            }
    assert names == expected


@pytest.mark.parametrize("lens", LENSES)
def test_a_picture_reads_fields_that_its_documents_have(lens: dict[str, Any]) -> None:
    sources = {
        r["name"].removeprefix("indexpattern-datasource-layer-"): r["id"]
        for r in lens["references"]
    }
    layers = lens["state"]["datasourceStates"]["formBased"]["layers"]
    assert set(sources) == set(layers)
    for name, layer in layers.items():
        used = {c["sourceField"] for c in layer["columns"].values() if "sourceField" in c}
        assert used - {"___records___"} <= fields_of(sources[name])


@pytest.mark.parametrize("lens", LENSES)
def test_a_picture_shows_columns_that_its_layers_have(lens: dict[str, Any]) -> None:
    layers = lens["state"]["datasourceStates"]["formBased"]["layers"]
    for layer in layers.values():
        assert layer["columnOrder"] == list(layer["columns"])
        for column in layer["columns"].values():
            assert set(column.get("references", [])) <= set(layer["columns"])
    shown = lens["state"]["visualization"]
    parts = shown.get("layers", [shown])
    assert {part["layerId"] for part in parts} == set(layers)
    for part in parts:
        columns = layers[part["layerId"]]["columns"]
        named = [
            *part.get("accessors", []),
            *part.get("metrics", []),
            *part.get("primaryGroups", []),
        ]
        named += [part[k] for k in ("xAccessor", "splitAccessor", "metricAccessor") if k in part]
        named += [c["columnId"] for c in part.get("columns", [])]
        assert named and set(named) <= set(columns)


def test_a_formula_is_kept_as_text_parts_and_tree() -> None:
    real = Metric("average", "last", where="doc_type: ticker")
    said = Metric("average", "price_1h", where="doc_type: forecast", shift="1h")
    formula = Formula("abs", (Formula("subtract", (real, said)),), "Error")
    columns = Columns(Layer("*", (formula,))).made
    text = (
        "abs(average(last, kql='doc_type: ticker')"
        " - average(price_1h, kql='doc_type: forecast', shift='1h'))"
    )
    assert columns["metric0"]["params"]["formula"] == text
    assert columns["metric0"]["references"] == ["metric0X2"]
    assert columns["metric0X1"]["timeShift"] == "1h"
    tree = columns["metric0X2"]["params"]["tinymathAst"]
    assert tree["location"] == {"min": 0, "max": len(text)}
    inner = tree["args"][0]
    assert inner["args"] == ["metric0X0", "metric0X1"]
    assert text[inner["location"]["min"] : inner["location"]["max"]] == inner["text"]


def test_a_split_by_values_comes_before_time_as_lens_wants_it() -> None:
    made = Columns(Layer("*", (Metric("count"),), split=Terms("bot"))).made
    assert list(made) == ["split", "by", "metric0"]


@pytest.mark.parametrize("lens", LENSES)
def test_what_is_shifted_is_on_buckets_that_divide_the_shift(lens: dict[str, Any]) -> None:
    minutes = {"1m": 1, "1h": 60, "1d": 1440}
    for layer in lens["state"]["datasourceStates"]["formBased"]["layers"].values():
        columns = layer["columns"].values()
        intervals = {c["params"]["interval"] for c in columns if "interval" in c.get("params", {})}
        shifts = {c["timeShift"] for c in columns if "timeShift" in c}
        assert not shifts or all(minutes[s] % minutes[i] == 0 for s in shifts for i in intervals)


def test_a_click_on_a_decision_opens_all_about_that_trade() -> None:
    views = {o["id"]: o["attributes"] for o in OBJECTS if o["type"] == "index-pattern"}
    for kind in ("fill", "order", "decision", "all"):
        formats = json.loads(views[f"tradebot-{kind}"]["fieldFormatMap"])
        link = formats["decision_id"]["params"]["urlTemplate"]
        # Kibana puts its own address, with the reader's space, before such a URL.
        assert link.startswith("../app/dashboards#/view/tradebot-trade?_a=")
    assert json.loads(views["tradebot-liquidity"]["fieldFormatMap"]) == {}


def test_a_click_on_a_trade_of_the_table_offers_all_about_it() -> None:
    trading = next(d for d in DASHBOARDS if d["id"] == "tradebot-trading")
    opening = [p for p in panels(trading) if p["embeddableConfig"]["enhancements"]]
    assert [p["title"] for p in opening] == ["Trades (click a decision to open it)"]
    (reference,) = (r for r in trading["references"] if r["type"] == "dashboard")
    assert reference["id"] == "tradebot-trade"
    layer = opening[0]["embeddableConfig"]["attributes"]["state"]["datasourceStates"]["formBased"]
    # The clicked value becomes the filter there, so a row must be a decision.
    assert layer["layers"]["layer0"]["columns"]["by"]["sourceField"] == "decision_id"


def test_another_prefix_of_indices_reaches_every_data_view() -> None:
    titles = {
        o["attributes"]["title"] for o in saved_objects("mine") if o["type"] == "index-pattern"
    }
    assert all(title.startswith("mine*-") for title in titles) and len(titles) == 10
