"""A layer's columns in Lens's format, formulas with their syntax tree."""

from typing import Any

from tradebot.recorder.kibana.description import Formula, Layer, Metric, Terms, Time

RECORDS = "___records___"
SIGNS = {"subtract": "-", "divide": "/", "multiply": "*"}


class Columns:
    """The columns of a layer, with fixed ids in Lens's order: buckets first."""

    def __init__(self, layer: Layer) -> None:
        self.made: dict[str, dict[str, Any]] = {}
        self.metrics = [f"metric{i}" for i in range(len(layer.metrics))]
        self.by = "" if layer.by is None else "by"
        self.split = "" if layer.split is None else "split"
        order_by = self.metrics[0]
        # Lens expects a chart's split before its axis: a line per value, then time.
        if layer.split is not None and isinstance(layer.by, Time):
            self.made["split"] = _terms(layer.split, order_by)
        if layer.by is not None:
            self.made["by"] = _bucket(layer.by, order_by)
        if layer.split is not None and not isinstance(layer.by, Time):
            self.made["split"] = _terms(layer.split, order_by)
        for name, metric in zip(self.metrics, layer.metrics, strict=True):
            self._add(name, metric)

    def _add(self, name: str, metric: Metric | Formula) -> None:
        if isinstance(metric, Metric):
            self.made[name] = _metric(metric)
            return
        parts: list[str] = []
        text = _text(metric)
        tree = self._tree(name, metric, parts, text)
        label = {"label": f"Part of {metric.label}", "customLabel": True}
        last = f"{name}X{len(parts)}"
        self.made[last] = _plain("math", references=parts, params={"tinymathAst": tree}) | label
        self.made[name] = _plain(
            "formula",
            references=[last],
            params={"formula": text, "isFormulaBroken": False, **_format(metric.decimals)},
        ) | {"label": metric.label, "customLabel": True}

    def _tree(self, name: str, node: Any, parts: list[str], whole: str) -> Any:
        if isinstance(node, float):
            return int(node) if node == int(node) else node
        if isinstance(node, Metric):
            part = f"{name}X{len(parts)}"
            parts.append(part)
            self.made[part] = _metric(node) | {"label": f"Part of {whole}", "customLabel": True}
            return part
        text = _text(node)
        start = whole.index(text)
        return {
            "type": "function",
            "name": node.name,
            "args": [self._tree(name, each, parts, whole) for each in node.arguments],
            "location": {"min": start, "max": start + len(text)},
            "text": text,
        }

    def as_layer(self) -> dict[str, Any]:
        """Returns the layer for Lens's data source."""
        return {"columns": self.made, "columnOrder": list(self.made), "incompleteColumns": {}}


def static_value(label: str, value: float) -> dict[str, Any]:
    """Returns a column with one constant, for a horizontal line."""
    return _plain("static_value", references=[], params={"value": f"{value:g}"}) | {
        "label": label,
        "customLabel": True,
        "isStaticValue": True,
    }


def _plain(operation: str, **more: Any) -> dict[str, Any]:
    return {
        "dataType": "number",
        "isBucketed": False,
        "operationType": operation,
        "scale": "ratio",
        **more,
    }


def _format(decimals: int) -> dict[str, Any]:
    return {"format": {"id": "number", "params": {"decimals": decimals}}}


def _metric(metric: Metric) -> dict[str, Any]:
    label = metric.label or f"{metric.operation} of {metric.field or 'documents'}"
    column = _plain(metric.operation, sourceField=metric.field or RECORDS) | {
        "label": label,
        "customLabel": True,
        "params": _format(metric.decimals),
    }
    where = metric.where
    match metric.operation:
        case "count":
            column["params"]["emptyAsNull"] = False
        case "percentile":
            column["params"]["percentile"] = metric.percentile
        case "last_value":
            column["params"] |= {"sortField": "ts", "showArrayValues": False}
            where = " and ".join(filter(None, [where, f"{metric.field}: *"]))
    if where:
        column["filter"] = {"query": where, "language": "kuery"}
    if metric.shift:
        column["timeShift"] = metric.shift
    return column


def _bucket(by: Time | Terms, order_by: str) -> dict[str, Any]:
    if isinstance(by, Terms):
        return _terms(by, order_by)
    return {
        "label": by.field,
        "dataType": "date",
        "isBucketed": True,
        "operationType": "date_histogram",
        "scale": "interval",
        "sourceField": by.field,
        "params": {"interval": by.interval, "includeEmptyRows": True, "dropPartials": False},
    }


def _terms(terms: Terms, order_by: str) -> dict[str, Any]:
    return {
        "label": terms.label or terms.field,
        "customLabel": True,
        "dataType": "string",
        "isBucketed": True,
        "operationType": "terms",
        "scale": "ordinal",
        "sourceField": terms.field,
        "params": {
            "size": terms.size,
            "orderBy": (
                {"type": "alphabetical"}
                if terms.newest
                else {"type": "column", "columnId": order_by}
            ),
            "orderDirection": "desc",
            "otherBucket": False,
            "missingBucket": False,
            "parentFormat": {"id": "terms"},
        },
    }


def _text(node: Metric | Formula | float) -> str:
    """Writes the formula as a user would in Lens."""
    if isinstance(node, float):
        return f"{node:g}"
    if isinstance(node, Metric):
        more = [node.field] if node.field else []
        more += [f"kql='{node.where}'"] if node.where else []
        more += [f"shift='{node.shift}'"] if node.shift else []
        return f"{node.operation}({', '.join(more)})"
    if node.name == "abs":
        return f"abs({_text(node.arguments[0])})"
    left, right = (_text(each) for each in node.arguments)
    return f"{left} {SIGNS[node.name]} {right}"
