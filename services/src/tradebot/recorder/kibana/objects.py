"""The dashboards as Kibana's saved objects, in its export format.

They are written for the oldest supported version: Kibana imports into the same, a newer minor or
the next major version, and never into an older one. Ids are fixed, so that an import replaces.
"""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from tradebot.documents import BODIES
from tradebot.recorder.kibana.columns import Columns, static_value
from tradebot.recorder.kibana.dashboards import DASHBOARDS
from tradebot.recorder.kibana.description import Dashboard, Layer, Panel, Search, Source
from tradebot.records import DocType

FLOOR = "8.9.0"
"""The oldest Kibana that can import the objects."""

CORE_VERSION = "8.8.0"
TYPE_VERSIONS = {"index-pattern": "8.0.0", "search": "8.0.0", "dashboard": "8.7.0"}
LINKED = "decision_id"
DRILLDOWN = "DASHBOARD_TO_DASHBOARD_DRILLDOWN"
CHARTS: dict[str, str] = {
    "xy": "lnsXY", "metric": "lnsMetric", "pie": "lnsPie", "table": "lnsDatatable",
}  # fmt: skip

Reference = dict[str, str]


def saved_objects(prefix: str = "tradebot") -> list[dict[str, Any]]:
    """Returns all objects, each after those that it references."""
    sources: list[Source] = [*DocType, "*"]
    searches = {
        _search_id(panel): panel
        for dashboard in DASHBOARDS
        for panel in dashboard.panels
        if isinstance(panel, Search)
    }
    return [
        *(_data_view(prefix, source) for source in sources),
        *(_saved_search(search) for search in searches.values()),
        *(_dashboard(dashboard) for dashboard in sorted(DASHBOARDS, key=_opened)),
    ]


def _opened(dashboard: Dashboard) -> list[str]:
    """Returns the ids of the dashboards that a click in this one opens."""
    return [panel.opens for panel in dashboard.panels if isinstance(panel, Panel) and panel.opens]


def ndjson(prefix: str = "tradebot") -> bytes:
    """Returns the objects as a file for Kibana's import, one per line."""
    return b"".join(msgspec.json.encode(each) + b"\n" for each in saved_objects(prefix))


def _object(kind: str, identifier: str, attributes: Any, references: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "id": identifier,
        "attributes": attributes,
        "references": references,
        "coreMigrationVersion": CORE_VERSION,
        "typeMigrationVersion": TYPE_VERSIONS[kind],
        "managed": False,
    }


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _data_view_id(source: Source) -> str:
    return "tradebot-all" if source == "*" else f"tradebot-{source}"


def _data_view(prefix: str, source: Source) -> dict[str, Any]:
    formats = {}
    if source == "*" or LINKED in {f.name for f in msgspec.structs.fields(BODIES[source])}:
        # A click on a decision's id opens that trade.
        formats[LINKED] = {
            "id": "url",
            "params": {
                # Relative, so that the user stays in the same Kibana space.
                "urlTemplate": "../app/dashboards#/view/tradebot-trade?_a=(query:(language:kuery,"
                f"query:'{LINKED}:%22{{{{value}}}}%22'))",
                "labelTemplate": "{{value}}",
            },
        }
    attributes = {
        # The wildcard also covers longer prefixes, as when several venues are kept apart.
        "title": f"{prefix}*-*" if source == "*" else f"{prefix}*-{source}-*",
        "name": "tradebot: all documents" if source == "*" else f"tradebot: {source}",
        "timeFieldName": "ts",
        "fields": "[]",
        "fieldAttrs": "{}",
        "fieldFormatMap": _json(formats),
        "runtimeFieldMap": "{}",
        "typeMeta": "{}",
        "sourceFilters": "[]",
    }
    return _object("index-pattern", _data_view_id(source), attributes, [])


def _reference(name: str, source: Source) -> Reference:
    return {"type": "index-pattern", "id": _data_view_id(source), "name": name}


def _search_id(search: Search) -> str:
    return f"tradebot-search-{search.title.lower()}"


def _saved_search(search: Search) -> dict[str, Any]:
    name = "kibanaSavedObjectMeta.searchSourceJSON.index"
    attributes = {
        "title": f"[tradebot] {search.title}",
        "description": "",
        "columns": list(search.columns),
        "sort": [["ts", "desc"]],
        "grid": {},
        "hideChart": True,
        "isTextBasedQuery": False,
        "timeRestore": False,
        "kibanaSavedObjectMeta": {
            "searchSourceJSON": _json(_query(search.where) | {"indexRefName": name})
        },
    }
    return _object("search", _search_id(search), attributes, [_reference(name, search.source)])


def _query(where: str) -> dict[str, Any]:
    return {"query": {"query": where, "language": "kuery"}, "filter": []}


def _dashboard(dashboard: Dashboard) -> dict[str, Any]:
    panels, references = [], []
    for index, (panel, place) in enumerate(_places(dashboard)):
        identifier = f"panel{index}"
        shown: dict[str, Any] = {
            "version": FLOOR,
            "gridData": place | {"i": identifier},
            "panelIndex": identifier,
            "title": panel.title,
        }
        if isinstance(panel, Search):
            shown |= {
                "type": "search",
                "embeddableConfig": {"enhancements": {}},
                "panelRefName": f"panel_{identifier}",
            }
            name = f"{identifier}:panel_{identifier}"
            references.append({"type": "search", "id": _search_id(panel), "name": name})
        else:
            lens, (enhancements, opened) = _lens(panel), _drilldown(panel)
            shown |= {
                "type": "lens",
                "embeddableConfig": {"attributes": lens, "enhancements": enhancements},
            }
            lifted = lens["references"] + opened
            references += [r | {"name": f"{identifier}:{r['name']}"} for r in lifted]
        panels.append(shown)
    controls, of_controls = _controls()
    attributes = {
        "title": dashboard.title,
        "description": dashboard.description,
        "panelsJSON": _json(panels),
        "optionsJSON": _json(
            {
                "useMargins": True,
                "syncColors": True,
                "syncCursor": True,
                "syncTooltips": False,
                "hidePanelTitles": False,
            }
        ),
        "controlGroupInput": controls,
        "timeRestore": True,
        "timeFrom": dashboard.span,
        "timeTo": "now",
        "refreshInterval": {"pause": False, "value": 10_000},
        "kibanaSavedObjectMeta": {"searchSourceJSON": _json(_query(""))},
        "version": 1,
    }
    return _object("dashboard", dashboard.id, attributes, references + of_controls)


def _drilldown(panel: Panel) -> tuple[dict[str, Any], list[Reference]]:
    """Returns the action of a click on the panel's values, and its reference by a fixed name."""
    if not panel.opens:
        return {}, []
    event = f"open-{panel.opens}"
    action = {
        "factoryId": DRILLDOWN,
        "name": "Open this trade",
        "config": {"useCurrentFilters": True, "useCurrentDateRange": True, "openInNewTab": False},
    }
    events = [{"eventId": event, "triggers": ["FILTER_TRIGGER"], "action": action}]
    name = f"drilldown:{DRILLDOWN}:{event}:dashboardId"
    reference = {"type": "dashboard", "id": panel.opens, "name": name}
    return {"dynamicActions": {"events": events}}, [reference]


def _places(dashboard: Dashboard) -> Iterator[tuple[Panel | Search, dict[str, int]]]:
    x = y = row = 0
    for panel in dashboard.panels:
        if x + panel.width > 48:
            x, y = 0, y + row
        if x == 0:
            row = panel.height
        yield panel, {"x": x, "y": y, "w": panel.width, "h": row}
        x += panel.width


def _controls() -> tuple[dict[str, Any], list[Reference]]:
    """Returns the controls that select bots, symbols and environments."""
    panels, references = {}, []
    for order, field in enumerate(("bot", "symbol", "environment")):
        panels[field] = {
            "order": order,
            "width": "medium",
            "grow": False,
            "type": "optionsListControl",
            "explicitInput": {
                "id": field,
                "title": field.capitalize(),
                "fieldName": field,
                "enhancements": {},
            },
        }
        references.append(_reference(f"controlGroup_{field}:optionsListDataView", "*"))
    return {
        "controlStyle": "oneLine",
        "chainingSystem": "HIERARCHICAL",
        "panelsJSON": _json(panels),
        "ignoreParentSettingsJSON": _json(
            {
                "ignoreFilters": False,
                "ignoreQuery": False,
                "ignoreTimerange": False,
                "ignoreValidations": False,
            }
        ),
    }, references


def _lens(panel: Panel) -> dict[str, Any]:
    layers, references, columns = {}, [], []
    for index, layer in enumerate(panel.layers):
        made = Columns(layer)
        columns.append(made)
        layers[f"layer{index}"] = made.as_layer()
        references.append(_reference(f"indexpattern-datasource-layer-layer{index}", layer.source))
    if panel.lines:
        lines = {f"line{i}": static_value(*line) for i, line in enumerate(panel.lines)}
        layers["lines"] = {
            "columns": lines,
            "columnOrder": list(lines),
            "incompleteColumns": {},
        }
        source = panel.layers[0].source
        references.append(_reference("indexpattern-datasource-layer-lines", source))
    return {
        "title": panel.title,
        "description": "",
        "type": "lens",
        "visualizationType": CHARTS[panel.kind],
        "references": references,
        "state": {
            "visualization": _visualization(panel, columns),
            "query": _query(_where(panel))["query"],
            "filters": [],
            "datasourceStates": {"formBased": {"layers": layers}},
            "internalReferences": [],
            "adHocDataViews": {},
        },
    }


def _where(panel: Panel) -> str:
    """Returns the filter that all of the panel's layers share: Lens has one query per chart."""
    (where,) = {layer.where for layer in panel.layers}
    return where


def _visualization(panel: Panel, columns: list[Columns]) -> dict[str, Any]:
    first = columns[0]
    data: dict[str, Any] = {"layerId": "layer0", "layerType": "data"}
    match panel.kind:
        case "metric":
            return data | {"metricAccessor": first.metrics[0]}
        case "table":
            shown = [name for name in ("by", "split") if name in first.made] + first.metrics
            return data | {"columns": [{"columnId": name} for name in shown]}
        case "pie":
            return {
                "shape": "donut",
                "layers": [
                    data
                    | {
                        "primaryGroups": ["by"],
                        "metrics": first.metrics,
                        "numberDisplay": "percent",
                        "categoryDisplay": "default",
                        "legendDisplay": "default",
                        "nestedLegend": False,
                    }
                ],
            }
        case "xy":
            return _xy(panel, columns)


def _xy(panel: Panel, columns: list[Columns]) -> dict[str, Any]:
    shown = [
        _xy_layer(f"layer{index}", layer, made)
        for index, (layer, made) in enumerate(zip(panel.layers, columns, strict=True))
    ]
    if panel.lines:
        names = [f"line{index}" for index in range(len(panel.lines))]
        shown.append(
            {
                "layerId": "lines",
                "layerType": "referenceLine",
                "accessors": names,
                "yConfig": [{"forAccessor": name, "axisMode": "left"} for name in names],
            }
        )
    mode: Literal["full", "dataBounds"] = (
        "full" if any("bar" in layer.series for layer in panel.layers) else "dataBounds"
    )
    return {
        "legend": {"isVisible": True, "position": "bottom", "showSingleSeries": False},
        "preferredSeriesType": panel.layers[0].series,
        "valueLabels": "hide",
        # A bucket without documents, between two trades, has no value; it is not zero.
        "fittingFunction": "None",
        "yLeftExtent": {"mode": mode},
        "axisTitlesVisibilitySettings": {"x": False, "yLeft": False, "yRight": False},
        "layers": shown,
    }


def _xy_layer(identifier: str, layer: Layer, made: Columns) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "layerId": identifier,
        "layerType": "data",
        "seriesType": layer.series,
        "xAccessor": made.by,
        "accessors": made.metrics,
        "yConfig": [
            {"forAccessor": name, "axisMode": "right" if metric.right else "left"}
            | ({"color": metric.colour} if metric.colour else {})
            for name, metric in zip(made.metrics, layer.metrics, strict=True)
        ],
    }
    return shown | ({"splitAccessor": made.split} if made.split else {})
