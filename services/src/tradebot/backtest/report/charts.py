"""The report's charts. Curves are thinned for the eye, without their extremes being lost; the
figures of the table never are.
"""

import numpy as np

from tradebot.backtest.metrics import DAY_SECONDS, drawdown, sampled, simple_returns
from tradebot.backtest.outcome import times
from tradebot.backtest.report.months import monthly_returns
from tradebot.backtest.running import Run
from tradebot.charts import page
from tradebot.charts.chart import INK, Chart, Line, Marks
from tradebot.strategies.orders import Floats

OURS, HELD, BUY, SELL = INK["blue"], INK["grey"], INK["green"], INK["red"]
BINS = 60


def sections(run: Run) -> str:
    """All charts, each under its heading, in the page's order."""
    return "".join(
        page.section(heading, part)
        for heading, part in (
            ("Equity", equity(run)),
            ("Drawdown", drawdowns(run)),
            ("Price and trades", trades(run)),
            ("Monthly returns", months(run)),
            ("Distribution of daily returns", distribution(run)),
        )
    )


def equity(run: Run) -> Chart:
    """Both equity curves, from the same cash."""
    ts = run.bars.ts
    held = Line("buy and hold", ts, run.held.equity, HELD)
    return Chart([held, Line("strategy", ts, run.result.equity, OURS)], "quote currency")


def drawdowns(run: Run) -> Chart:
    """How far each curve lies below its peak."""
    ts = run.bars.ts
    ours = Line("strategy", ts, -drawdown(run.result.equity), OURS, fill=True)
    held = Line("buy and hold", ts, -drawdown(run.held.equity), HELD)
    return Chart([held, ours], "below the peak", y_form="percent", height=240)


def trades(run: Run) -> Chart:
    """Closes, with each buy and sell at its price."""
    fills = run.result.fills
    series: list[Line | Marks] = [Line("price", run.bars.ts, run.bars.close, HELD)]
    for side, name, colour in ((1, "buy", BUY), (-1, "sell", SELL)):
        chosen = np.flatnonzero(fills.side == side)
        texts = [
            f"{name} {amount:,.8g} at {price:,.8g}"
            for amount, price in zip(fills.amount[chosen], fills.price[chosen], strict=True)
        ]
        ts, prices = run.bars.ts[fills.bar[chosen]], fills.price[chosen]
        series.append(Marks(name, ts, prices, colour, "up" if side > 0 else "down", texts))
    return Chart(series, "price, quote currency")


def months(run: Run) -> str:
    """A field a month, a row a year."""
    found = monthly_returns(run.bars.ts, run.result.equity, run.cash)
    most = float(np.nanmax(np.abs(found.returns))) or 1.0
    rows = []
    for year, values in zip(found.years, found.returns, strict=True):
        cells = "".join(_field(float(value), most) for value in values)
        rows.append(f"<tr><th>{year}</th>{cells}</tr>")
    head = "".join(f"<th>{month}</th>" for month in found.months)
    return (
        '<div class="scroll"><table class="months"><thead><tr><th></th>'
        f"{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _field(value: float, most: float) -> str:
    if np.isnan(value):
        return "<td></td>"
    share = round(60 * abs(value) / most)
    colour = f"color-mix(in srgb, {BUY if value >= 0 else SELL} {share}%, transparent)"
    return f'<td style="background:{colour}">{value:z.1%}</td>'


def distribution(run: Run) -> Chart:
    """Histograms of both curves' returns, over the same bins."""
    ts, step = times(run.bars), max(DAY_SECONDS, run.bars.step / 1000)
    found: dict[str, Floats] = {}
    for name, curve in (("buy and hold", run.held.equity), ("strategy", run.result.equity)):
        values, _ = sampled(np.concatenate([[run.cash], curve]), ts, step)
        returns = simple_returns(values)
        found[name] = returns[np.isfinite(returns)]
    every = np.concatenate(list(found.values()))
    low, high = (float(every.min()), float(every.max())) if len(every) else (0.0, 0.0)
    edges = np.linspace(low, max(high, low + 1e-6), BINS + 1)
    series = [
        Line(name, *_steps(edges, np.histogram(values, edges)[0]), colour, fill=True)
        for (name, values), colour in zip(found.items(), (HELD, OURS), strict=True)
    ]
    return Chart(series, "days", x_unit="return", time=False, x_form="percent", height=260)


def _steps(edges: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """The outline of a histogram."""
    return np.repeat(edges, 2), np.concatenate([[0], np.repeat(counts, 2), [0]])
