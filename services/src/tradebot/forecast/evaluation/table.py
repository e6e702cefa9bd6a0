"""A report as a table for terminals and Markdown."""

from tradebot.forecast.evaluation.evaluate import Report
from tradebot.forecast.evaluation.scores import Estimate, ModelScore
from tradebot.history.check import when

HEAD = (
    "model",
    "log score",
    "above persistence",
    "MAE, bp",
    "direction right",
    "calls",
    "in bounds",
    "net",
    "gross",
    "trades",
    "seconds",
)


def table(report: Report) -> str:
    """Formats a sentence about the evaluation, a line per model, and buy-and-hold."""
    rows = [HEAD, *(_row(one) for one in report.verdicts)]
    hold = ["buy-and-hold"] + [""] * (len(HEAD) - 1)
    hold[HEAD.index("net")] = f"{report.hold_net:+z.2%}"
    hold[HEAD.index("gross")] = f"{report.hold_gross:+z.2%}"
    hold[HEAD.index("trades")] = str(2 * report.plan.folds)
    rows.append(tuple(hold))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [_line(row, widths) for row in rows]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([_sentence(report), "", lines[0], rule, *lines[1:]])


def _sentence(report: Report) -> str:
    plan = report.plan
    return (
        f"{report.symbol}: {report.rows:,} minutes from {when(report.history_start)} to"
        f" {when(report.history_end)} UTC; {plan.folds} tests of {plan.fold_minutes} minutes up to"
        f" {when(report.test_end)}, a forecast of the next {plan.stride_minutes} minutes each"
        f" {plan.stride_minutes} minutes; fee {plan.fee_bps:g} bp a trade"
    )


def _row(one: ModelScore) -> tuple[str, ...]:
    return (
        one.model,
        f"{one.log_score:z.3f}",
        _with_interval(one.skill, "+z.3f"),
        f"{one.mae_bps:.1f}",
        _with_interval(one.directional, ".1%") if one.directional else "–",
        f"{one.calls:,}",
        f"{one.coverage:.1%} of {one.interval:.0%}",
        f"{one.net:+z.2%}",
        f"{one.gross:+z.2%}",
        f"{one.trades:,}",
        f"{one.seconds:.1f}",
    )


def _with_interval(estimate: Estimate, form: str) -> str:
    if estimate.low is None or estimate.high is None:
        return format(estimate.value, form)
    return f"{estimate.value:{form}} ({estimate.low:{form}} to {estimate.high:{form}})"


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    return "| " + " | ".join(cells) + " |"
