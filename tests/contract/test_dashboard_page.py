"""The page in a real browser, over a real broker: figures update, a trade appears, accessibly."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from confluent_kafka import Producer
from line.day import TradingDay
from playwright.sync_api import Browser, Page, expect, sync_playwright
from waiting.conditions import PATIENCE_SECONDS, until

from tradebot.platform import kafka
from tradebot.platform.embedded import EmbeddedBroker
from tradebot.platform.settings import StageSettings
from tradebot.platform.topics import Topics
from tradebot.records import Document, encode

pytestmark = pytest.mark.browser
TOPICS = Topics()


class Line:
    """A simulated pipeline in front of a real dashboard."""

    def __init__(self, broker: EmbeddedBroker, page: str) -> None:
        self.broker = broker.address
        self.day = TradingDay()
        self.url = page
        settings = StageSettings(kafka=broker.address, kafka_embedded=True)
        self._producer: Producer = kafka.producer(settings)
        for record in self.day.opening_book():
            self._send(TOPICS.feed, record)
        self._producer.flush()

    def _send(self, topic: str, record: object) -> None:
        self._producer.produce(topic, key="BTCUSD", value=encode(record))  # type: ignore[arg-type]

    def minutes(self, count: int) -> list[Document]:
        made: list[Document] = []
        for _ in range(count):
            for moved, trade in self.day.ticks():
                for record in moved:
                    self._send(TOPICS.feed, record)
                self._send(TOPICS.trades, trade)
            window, forecast, documents = self.day.close_minute()
            for part in window:
                self._send(TOPICS.liquidity, part)
            self._send(TOPICS.forecasts, forecast)
            self.documents(documents)
            made += documents
        return made

    def documents(self, documents: list[Document]) -> None:
        for document in documents:
            self._send(TOPICS.documents, document)
        self._producer.flush()

    def until_a_trade(self) -> Document:
        """Lets minutes pass until the bot has traded; returns its last fill."""
        while True:
            fills = [d for d in self.minutes(1) if d.doc_type == "fill"]
            if fills:
                return fills[-1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    folder = tmp_path_factory.mktemp("dashboard")
    broker = EmbeddedBroker()
    port, health = free_port(), free_port()
    process = subprocess.Popen(
        [
            sys.executable, "-m", "tradebot", "dashboard", "--kafka", broker.address,
            "--kafka-embedded", "--port", str(port), "--http-port", str(health),
            "--state-dir", str(folder), "--speed", "30",
            "--stages", f"dashboard=http://127.0.0.1:{health},ingest=http://127.0.0.1:1",
        ]
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        wait_ready(f"http://127.0.0.1:{health}/readyz")
        made = Line(broker, url)
        made.minutes(45)
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        ended = process.wait(PATIENCE_SECONDS)
        broker.close()
    assert ended == 0


def test_it_ends_quietly_while_a_page_is_open(tmp_path: Path) -> None:
    broker = EmbeddedBroker()
    port, health = free_port(), free_port()
    process = subprocess.Popen(
        [
            sys.executable, "-m", "tradebot", "dashboard", "--kafka", broker.address,
            "--kafka-embedded", "--port", str(port), "--http-port", str(health), "--state-dir",
            str(tmp_path),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        wait_ready(f"http://127.0.0.1:{health}/readyz")
        with httpx.stream("GET", f"http://127.0.0.1:{port}/events") as page:
            assert next(page.iter_lines()) == "event: reset"
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
        broker.close()
    assert process.returncode == 0
    assert "error" not in said.lower(), said


def wait_ready(url: str) -> None:
    def ready() -> bool:
        try:
            return httpx.get(url).status_code == 200
        except httpx.HTTPError:
            return False

    until(ready)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        expect.set_options(timeout=PATIENCE_SECONDS * 1000)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, line: Line) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE_SECONDS * 1000)
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{line.url}/bots/btc")
    expect(page.locator("#link")).to_have_text("live")
    yield page
    page.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith((line.url, "data:", "blob:"))] == []


def test_numbers_change_by_themselves(page: Page, line: Line) -> None:
    price, clock = page.locator("#price"), page.locator("#clock")
    expect(price).to_have_text(re.compile(r"^\d{2},\d{3}\.\d\d$"))
    before, then = price.inner_text(), clock.inner_text()
    line.minutes(1)
    expect(price).not_to_have_text(before)
    expect(clock).not_to_have_text(then)
    expect(page.locator("#price")).to_have_text(re.compile(r"^\d{2},\d{3}\.\d\d$"))


def test_a_trade_appears_with_its_decision_order_fill_and_balances(page: Page, line: Line) -> None:
    fills = page.locator("#fills tbody tr")
    expect(fills.first).to_be_attached()
    fill = line.until_a_trade()
    price = f"{fill.body['price']:,.2f}"
    expect(page.locator("#orders tbody tr").first).to_contain_text(price)
    page.get_by_role("tab", name="Fills").click()
    expect(fills.first).to_contain_text(price)
    expect(fills.first).to_contain_text(fill.body["side"])
    expect(page.locator("#decisions li").first).to_contain_text(fill.body["side"])
    usd = page.locator("#balances tr", has_text="USD")
    expect(usd).to_contain_text(f"{line.day.usd:,.2f}")


def test_every_chart_is_drawn_and_says_in_words_what_it_shows(page: Page) -> None:
    for chart, says in (("price", "Price from"), ("flow", "last ratio"), ("equity", "Equity from")):
        element = page.locator(f"#{chart}-chart")
        expect(element.locator("svg.main-svg").first).to_be_visible()
        expect(element).to_have_attribute("aria-label", re.compile(says))


@pytest.mark.parametrize("chart", ["price", "flow", "equity"])
def test_no_chart_turns_the_times_below_it(page: Page, chart: str) -> None:
    axis = f"document.getElementById('{chart}-chart')._fullLayout?.xaxis"
    page.wait_for_function(f"{axis}?.type === 'date'")
    assert page.evaluate(f"{axis}.tickangle") == 0


def test_mode_venue_band_and_unready_stages_are_shown(page: Page) -> None:
    expect(page.locator("#mode")).to_have_text("Live")
    expect(page.locator("#environment")).to_have_text("Emulator")
    expect(page.locator("#ratio-note")).to_contain_text(re.compile("band|incomplete"))
    ingest = page.locator("#stages li", has_text="ingest")
    expect(ingest).to_have_class("unready")
    expect(page.locator("#foot")).to_contain_text("ingest: does not respond")


def test_a_decision_opens_by_keyboard_and_shows_its_gates(page: Page) -> None:
    summary = page.locator("#decisions summary").first
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#decisions .gates").first).to_be_visible()


PRESSABLE = """() => {
    const found = document.querySelectorAll(
        "a[href], button, input, select, summary, [role=button], [role=tab][aria-selected=true]");
    const shown = [...found].filter(each => each.checkVisibility() && !each.disabled
        && !(each.role === "tab" && each.ariaSelected !== "true"));
    shown.forEach((each, place) => each.dataset.place = place);
    return shown.length;
}"""


def test_everything_that_can_be_pressed_is_reached_by_tab_in_order(page: Page) -> None:
    count = page.evaluate(PRESSABLE)
    assert count > 10
    reached: list[int] = []
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    while len(reached) < count:
        place = page.evaluate("document.activeElement.dataset.place")
        if place is not None:  # a scrolling list gets the focus too, but is not pressed
            reached.append(int(place))
        page.keyboard.press("Tab")
    assert reached == list(range(count))


def test_tabs_answer_to_arrows(page: Page) -> None:
    page.get_by_role("tab", name="Orders").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Fills")).to_be_focused()
    expect(page.locator("#panel-fills")).to_be_visible()
    expect(page.locator("#panel-orders")).to_be_hidden()


def test_light_and_dark_by_the_system_and_by_the_button(page: Page) -> None:
    def ground() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    page.emulate_media(color_scheme="dark")
    dark = ground()
    page.emulate_media(color_scheme="light")
    assert ground() != dark
    button = page.locator("#theme")
    button.click()
    button.click()
    expect(button).to_have_attribute("aria-label", "Theme: dark")
    assert ground() == dark


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page) -> None:
    page.set_viewport_size({"width": 375, "height": 760})
    page.wait_for_function("document.documentElement.scrollWidth <= 375")
    expect(page.locator("#price")).to_be_visible()


def test_a_halt_is_reported_at_the_top(page: Page, line: Line) -> None:
    halt = page.get_by_role("alert")
    expect(halt).to_be_hidden()
    line.documents([line.day.halt()])
    expect(halt).to_contain_text("halted: drawdown 0.101 is above 0.1")
    line.documents([line.day.resume()])
    expect(halt).to_be_hidden()


def test_a_page_opened_later_shows_what_was_before(page: Page, line: Line) -> None:
    shown = page.locator("#decisions li").count()
    line.minutes(1)
    page.reload()
    expect(page.locator("#decisions li").nth(min(shown, 59) - 1)).to_be_attached()


def test_the_page_forbids_what_does_not_come_from_it(line: Line) -> None:
    answer = httpx.get(line.url)
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    for name in ("../settings.py", "%2e%2e%2fsettings.py", "nothing.js"):
        assert httpx.get(f"{line.url}/static/{name}").status_code == 404


def test_a_taken_port_is_one_clear_sentence(line: Line, tmp_path: Path) -> None:
    port = line.url.rpartition(":")[2]
    ended = subprocess.run(
        [sys.executable, "-m", "tradebot", "dashboard", "--port", port, "--kafka", line.broker],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert ended.returncode == 2
    assert "choose a free port with --port" in ended.stderr


WIDTHS = {"a desk": (1440, 900), "a phone": (375, 760)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", WIDTHS)
@pytest.mark.parametrize(("path", "ready"), [("/?all", "#bots tbody tr"), ("/bots/btc", "#price")])
def test_axe_finds_nothing_that_keeps_people_out(
    page: Page, line: Line, path: str, ready: str, place: str, scheme: str
) -> None:
    page.set_viewport_size(dict(zip(("width", "height"), WIDTHS[place], strict=True)))  # type: ignore[arg-type]
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.goto(line.url + path)
    expect(page.locator(ready).first).to_be_visible()
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


def test_the_list_shows_each_bot_with_its_state_and_leads_to_it(page: Page, line: Line) -> None:
    page.goto(f"{line.url}/?all")
    row = page.locator("#bots tbody tr")
    expect(row).to_contain_text("BTCUSD")
    expect(row).to_contain_text("No trader")
    page.get_by_role("link", name="btc").click()
    expect(page).to_have_url(f"{line.url}/bots/btc")
