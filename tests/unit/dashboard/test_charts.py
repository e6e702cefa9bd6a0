"""Charts: round ticks, thinning that keeps the extremes, and a legend of the drawn series."""

import math
import re
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tradebot.charts import page, ticks
from tradebot.charts.chart import INK, Band, Chart, Line, Marks
from tradebot.charts.svg import POINTS, draw
from tradebot.charts.thinning import extremes

START, END = 1_230_768_000_000, 4_102_444_800_000
HOUR = 3_600_000


@given(st.integers(START, END), st.floats(60_000, 60 * 365 * 86_400_000.0), st.integers(4, 12))
def test_a_time_axis_has_few_ticks_in_order_and_says_the_year(
    start: int, span: float, most: int
) -> None:
    found = ticks.times(start, min(start + span, END), most)
    assert 1 <= len(found) <= most
    assert [tick.at for tick in found] == sorted({tick.at for tick in found})
    assert all(start <= tick.at <= start + span for tick in found)
    year = str(datetime.fromtimestamp(found[0].at / 1000, UTC).year)
    assert year in found[0].label + found[0].context


@example(0.0, 7.0, 3)  # steps of 2.5
@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.integers(2, 12))
def test_a_number_axis_has_few_ticks_whose_labels_differ(
    low: float, span: float, most: int
) -> None:
    found = ticks.numbers(low, low + span, most)
    assert len(found) <= most + 1
    slack = span * 1e-6 + 4 * math.ulp(abs(low) + span)  # no float lies nearer
    assert all(low - slack <= tick.at <= low + span + slack for tick in found)
    if span > 1e-9 * abs(low):
        assert len({tick.label for tick in found}) == len(found)
        assert [float(t.label.replace(",", "")) for t in found] == pytest.approx(
            [t.at for t in found], abs=span * 1e-6
        )


@given(
    st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=400),
    st.integers(8, 80),
)
def test_thinning_keeps_both_ends_and_the_extremes(values: list[float], most: int) -> None:
    line = np.array(values)
    rows = extremes(line, most)
    assert len(rows) <= most
    assert (rows[0], rows[-1]) == (0, len(line) - 1)
    assert (np.diff(rows) > 0).all()
    assert (line[rows].min(), line[rows].max()) == (line.min(), line.max())


def test_a_single_spike_among_a_million_points_is_drawn() -> None:
    price = np.full(1_000_000, 100.0)
    price[654_321] = 3.0
    drawn = draw(
        Chart([Line("price", START + np.arange(1_000_000) * 60_000, price, "#000")], "USD")
    )
    points = re.search('points="([^"]+)"', drawn)
    assert points is not None
    heights = [float(point.split(",")[1]) for point in points[1].split()]
    assert len(heights) <= POINTS
    assert max(heights) > min(heights) + 200


def legend(drawn: str) -> list[str]:
    return re.findall(r"</i>([^<]+)</button>", drawn)


def test_the_legend_names_what_is_drawn_and_nothing_else() -> None:
    ts = START + np.arange(3) * HOUR
    none = np.empty(0)
    chart = Chart(
        [
            Band("interval", ts, [1, 1, 1], [2, 2, 2], INK["red"]),
            Line("price", ts, [1.0, 2.0, 3.0], INK["grey"]),
            Line("in sample", none, none, INK["blue"]),
            Line("unknown", ts, [np.nan] * 3, INK["blue"]),
            Marks("buy", none, none, INK["green"]),
        ],
        "USD",
    )
    assert legend(draw(chart)) == ["interval", "price"]


def test_one_line_needs_no_legend() -> None:
    assert legend(draw(Chart([Line("price", [START, END], [1.0, 2.0], "#000")], "USD"))) == []


def test_a_chart_names_its_units_and_the_zone_of_its_times() -> None:
    drawn = draw(Chart([Line("price", [START, START + HOUR], [1.0, 2.0], "#000")], "price, USD"))
    assert ">price, USD</text>" in drawn
    assert ">time (UTC)</text>" in drawn
    assert ">1 Jan 2009</text>" in drawn


@pytest.mark.parametrize("values", [[], [5.0], [5.0, 5.0], [0.0, 0.0], [np.nan, 1.0], [1e-9, 2e-9]])
def test_any_series_can_be_drawn(values: list[float]) -> None:
    ts = START + np.arange(len(values)) * HOUR
    drawn = draw(Chart([Line("price", ts, values, "#000", fill=True)], "USD"))
    assert "nan" not in drawn and "inf" not in drawn.replace("info", "")


def test_names_and_texts_of_users_are_escaped() -> None:
    text = page.page("<b>", "a & b", page.section("<i>", page.table(("<u>",), [("<s>",)])))
    for tag in ("<b>", "<i>", "<u>", "<s>"):
        assert tag not in text.split("<main>")[1]
