"""Pages of charts as a browser lays them out: no label touches another or leaves its chart."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, sync_playwright

from tradebot.charts import page
from tradebot.charts.chart import INK, Chart, Line

START = 1_600_000_020_000
DAY = 86_400_000
SPANS = [0.05, 0.3, 1, 3, 9, 30, 90, 400, 1500, 6000]
PRICES = [1e-7, 0.004, 1.0, 37.5, 50_000.0, 1e9]

TOUCHING = """() => {
  const bad = [];
  for (const svg of document.querySelectorAll("svg")) {
    const chart = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].filter(text => text.textContent.trim());
    const boxes = texts.map(text => text.getBoundingClientRect());
    boxes.forEach((a, i) => {
      if (a.left < chart.left - 1 || a.right > chart.right + 1) bad.push(texts[i].textContent);
      boxes.slice(i + 1).forEach((b, j) => {
        if (a.left < b.right && b.left < a.right && a.top < b.bottom - 3 && b.top < a.bottom - 3)
          bad.push(texts[i].textContent + " | " + texts[i + 1 + j].textContent);
      });
    });
  }
  return bad;
}"""


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


def a_chart(days: float, unit: float, form: str = "number") -> Chart:
    ts = START + np.linspace(0, days * DAY, 500)
    walk = unit * (1 + 0.1 * np.sin(np.arange(500) / 40))
    return Chart([Line("price", ts, walk, INK["blue"])], "price, USD", y_form=form)  # type: ignore[arg-type]


def test_no_label_touches_another_for_any_span_of_time_and_height_of_price(
    browser: Browser, tmp_path: Path
) -> None:
    charts = [a_chart(days, unit) for days in SPANS for unit in PRICES]
    charts += [a_chart(days, 0.01, "percent") for days in SPANS]
    file = tmp_path / "charts.html"
    file.write_text(page.page("charts", "", page.section("all", *charts)))
    tab = browser.new_page(viewport={"width": 1160, "height": 900})
    tab.goto(file.as_uri())
    assert tab.evaluate(TOUCHING) == []


def test_pointing_at_a_chart_tells_the_time_and_the_value(browser: Browser, tmp_path: Path) -> None:
    ts = START + np.arange(3) * DAY
    lines = [
        Line("price", ts, [100.0, 200.0, 300.0], INK["grey"]),
        Line("forecast", ts, [150.0, 250.0, 350.0], INK["blue"]),
    ]
    file = tmp_path / "one.html"
    file.write_text(page.page("one", "", page.section("one", Chart(lines, "USD"))))
    tab = browser.new_page(viewport={"width": 1160, "height": 900})
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(file.as_uri())
    middle = tab.evaluate(
        "() => { const p = document.querySelector('polyline').getBoundingClientRect();"
        " return [p.left + p.width / 2, p.top + 5]; }"
    )
    tab.mouse.move(*middle)
    told = tab.locator(".readout").inner_text()
    assert told.startswith("2020-09-14 12:2")
    assert "price  200" in told and "forecast  250" in told
    tab.get_by_role("button", name="forecast").click()
    tab.mouse.move(*middle)
    assert "forecast" not in tab.locator(".readout").inner_text()
    assert errors == []
