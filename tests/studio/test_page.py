"""The studio in a browser, as a person uses it: the whole story of a run, and what is said when something is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette", reason="pip install 'graphflow-agents[studio]'")
pytest.importorskip("playwright.sync_api", reason="pip install playwright")

from playwright.sync_api import expect

from tests.studio import chromium, graphs_shown
from tests.studio.studios import GRAPHS, Studio, studio

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

LETTER = f"{GRAPHS}:story"
expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio that no test stops. Runs have a name of their own in each test."""
    with studio(tmp_path_factory.mktemp("studio"), GRAPHS) as started:
        started.graphflow("run", LETTER, "topic=owls", "--run-id", "made", expect=3)
        started.start()
        yield started


def open_run(page: Page, at: Studio, run: str) -> None:
    enter(page, at)
    page.goto(f"{at.home}/runs/{run}")
    expect(status(page)).to_be_visible()


def enter(page: Page, at: Studio) -> None:
    """The address that was printed, with the token."""
    page.goto(at.address)
    expect(page.locator("#store")).to_contain_text("runs.db")


def status(page: Page) -> Locator:
    return page.locator("#crumbs .pill")


def says(page: Page, words: str) -> None:
    expect(status(page)).to_contain_text(words)


def card(page: Page, node: str) -> Locator:
    return page.locator(f"svg [id='n.{node}']")


# -- a run, from its start to its rerun --------------------------------------------------------------------------------


def test_the_whole_story_of_a_run(browser: Browser, shared: Studio) -> None:
    """Started, failed, resumed, asked for changes, sent, done, and rerun with another state; all from the page."""
    at = shared
    down = at.folder / "otters.down"
    down.write_text("")
    with chromium.page(browser, at.home) as (page, seen):
        page.goto(at.address)
        page.get_by_role("link", name="Start a run").click()
        page.locator("a.card", has_text="a letter that somebody reads").click()
        page.get_by_label("topic").fill("otters")
        page.get_by_label("Name of the new run").fill("story")
        page.get_by_role("button", name="Start", exact=True).click()
        says(page, "failed")
        expect(page.locator("aside")).to_contain_text("no line to the archive of otters")
        expect(card(page, "fetch")).to_have_class(re.compile("status-failed"))

        down.unlink()
        page.get_by_role("button", name="Resume", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Resume", exact=True).click()
        says(page, "waiting")
        question = page.get_by_role("region", name="Question")
        expect(question).to_contain_text("Dear reader, what is known of otters.")
        expect(card(page, "review")).to_have_class(re.compile("status-waiting"))

        page.get_by_label("reason").fill("Warmer, please.")
        question.get_by_role("button", name="Change", exact=True).click()
        expect(question).to_contain_text("Warmer, please.")
        page.get_by_label("stars").fill("9")
        question.get_by_role("button", name="Send", exact=True).click()
        expect(question.locator(".wrong", has_text="equal")).to_contain_text("less than or equal to 5")
        page.get_by_label("stars").fill("5")
        question.get_by_role("button", name="Send", exact=True).click()
        says(page, "done")
        expect(question).to_have_count(0)
        expect(card(page, "send")).to_have_class(re.compile("status-done"))

        card(page, "review").click()
        inspector = page.get_by_role("region", name="Step")
        expect(inspector).to_contain_text("Why this edge")
        expect(inspector).to_contain_text('verdict == "change"')
        expect(inspector).to_contain_text("State changes")

        card(page, "fetch").click()
        inspector.get_by_role("button", name="Rerun from here").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("notes").fill("that otters hold hands")
        dialog.get_by_label("Name of the new run").fill("again")
        dialog.get_by_role("button", name="Start the rerun").click()
        expect(page).to_have_url(f"{at.home}/runs/again")
        says(page, "waiting")
        expect(page.get_by_role("region", name="Question")).to_contain_text("that otters hold hands")
        expect(page.get_by_role("link", name="story").last).to_be_visible()

        page.goto(f"{at.home}/compare?a=story&b=again")
        expect(page.locator(".compare")).to_contain_text("that otters hold hands")
        seen.forget("422")  # the answer with nine stars
    assert "sent: Dear reader" in at.graphflow("runs", "show", "story", "--state")


def test_time_travel(browser: Browser, shared: Studio) -> None:
    """The scrubber shows the run as it was; the picture does not move; Live comes back to now."""
    with chromium.page(browser, shared.home) as (page, _):
        open_run(page, shared, "made")
        expect(card(page, "review")).to_have_class(re.compile("status-waiting"))
        box = card(page, "write").bounding_box()
        page.keyboard.press("ArrowLeft")
        page.get_by_label("Step of the run").fill("2")
        expect(card(page, "write")).not_to_have_class(re.compile("status-done"))
        expect(page.get_by_label("Live")).not_to_be_checked()
        expect(page).to_have_url(f"{shared.home}/runs/made?at=2")
        page.reload()
        expect(page.get_by_label("Step shown")).to_contain_text("2 /")
        assert card(page, "write").bounding_box() == box
        page.keyboard.press("l")
        expect(card(page, "review")).to_have_class(re.compile("status-waiting"))
        expect(page.get_by_label("Live")).to_be_checked()


def test_every_view_by_keyboard(browser: Browser, shared: Studio) -> None:
    with chromium.page(browser, shared.home) as (page, _):
        open_run(page, shared, "made")
        for key, shown in (("t", ".timeline"), ("s", ".steps"), ("g", "svg .card")):
            page.keyboard.press(key)
            expect(page.locator(shown).first).to_be_visible()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
        page.keyboard.press("/")
        expect(page.get_by_label("Find a run")).to_be_focused()
        page.keyboard.type("no such run")
        expect(page.locator("#rows li")).to_have_count(0)
        names: set[str] = set()
        for _ in range(60):  # everything that can be pressed can be reached, and shows that it is
            page.keyboard.press("Tab")
            told = page.evaluate(
                """() => { const one = document.activeElement; const style = getComputedStyle(one);
                return [one.ariaLabel || one.textContent.trim(), style.outlineStyle !== 'none' || style.boxShadow !== 'none'
                    || one.closest('svg') !== null || one === document.body] }"""
            )
            assert told[1], f"{told[0]!r} does not show that it has the focus"
            names.add(str(told[0]))
        assert {"Graph", "Timeline", "Steps", "Play", "Change", "Send"} - names == set()


def test_a_run_of_another_process_is_followed_live(browser: Browser, shared: Studio) -> None:
    """It appears in the list, and on its own page, without anybody loading anything."""
    with chromium.page(browser, shared.home) as (page, _):
        page.goto(shared.address)
        shared.graphflow("run", LETTER, "topic=bats", "--run-id", "elsewhere", expect=3)
        page.locator("#rows li", has_text="elsewhere").locator("a").click()
        says(page, "waiting")
        shared.graphflow("runs", "answer", "elsewhere", "review", '{"verdict": "send"}', "--resume")
        says(page, "done")
        expect(card(page, "send")).to_have_class(re.compile("status-done"))
        shared.graphflow("runs", "rm", "elsewhere", "--yes")
        expect(page.get_by_role("alert")).to_contain_text("removed")


# -- many, and hostile -------------------------------------------------------------------------------------------------


def test_a_thousand_branches(browser: Browser, shared: Studio) -> None:
    items = ",".join(map(str, range(1_000)))
    shared.graphflow("run", f"{GRAPHS}:wide", f"items=[{items}]", "--run-id", "wide")
    with chromium.page(browser, shared.home) as (page, _):
        open_run(page, shared, "wide")
        says(page, "done")
        expect(card(page, "double")).to_contain_text("1000 of 1000 ok")
        page.keyboard.press("t")
        expect(page.locator(".timeline")).to_contain_text("double")
        page.keyboard.press("s")
        expect(page.locator(".steps li").first).to_be_visible()


def test_hostile_text_is_text(browser: Browser, shared: Studio) -> None:
    """Scripts, tags, right-to-left and very long texts, in names, values, questions and errors."""
    shared.graphflow("run", f"{GRAPHS}:hostile", "--run-id", "hostile", expect=3)
    with chromium.page(browser, shared.home) as (page, _):
        open_run(page, shared, "hostile")
        question = page.get_by_role("region", name="Question")
        expect(question).to_contain_text(graphs_shown.HOSTILE)
        question.get_by_role("textbox").fill(graphs_shown.HOSTILE + graphs_shown.LONG)
        question.get_by_role("button", name="Answer", exact=True).click()
        says(page, "failed")
        expect(page.locator("aside")).to_contain_text("ValueError")
        for key in "tsg":
            page.keyboard.press(key)
        page.keyboard.press("ArrowLeft")
        page.goto(f"{shared.home}/start")
        expect(page.locator(".start")).to_contain_text(graphs_shown.HOSTILE)
        page.locator("a.card", has_text="script").click()
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
        assert "owned" not in page.title() or "script" in page.title()
        assert page.evaluate("document.querySelectorAll('img').length") == 0
        wide = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert wide, "a long text makes the page wider than its window"


@pytest.mark.parametrize("size", [(1440, 900), (1024, 700), (400, 800)])
def test_it_fits_into_the_window(browser: Browser, shared: Studio, size: tuple[int, int]) -> None:
    with chromium.page(browser, shared.home, size=size) as (page, _):
        open_run(page, shared, "made")
        expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# -- colours -----------------------------------------------------------------------------------------------------------

CONTRAST = """() => {
  const rgb = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return n.length > 3 && n[3] === 0 ? null : n; };
  const light = (n) => { const [r, g, b] = n.slice(0, 3).map((c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (one) => { for (let n = one; n; n = n.parentElement) { const c = rgb(getComputedStyle(n).backgroundColor); if (c) return c; } return [255, 255, 255]; };
  const found = [];
  for (const one of document.querySelectorAll('body *:not(svg, svg *, option, template)')) {
    const own = [...one.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    const box = one.getBoundingClientRect();
    if (!own || !box.width || getComputedStyle(one).visibility === 'hidden' || one.closest('.unseen, .skip, [disabled]')) continue;
    const [a, b] = [light(rgb(getComputedStyle(one).color)), light(behind(one))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found.push(`${one.tagName} ${one.className} ${one.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_are_legible(browser: Browser, shared: Studio, scheme: str) -> None:
    """At least 4.5:1 against what is behind them, in light and in dark, as WCAG measures contrast."""
    with chromium.page(browser, shared.home, scheme="dark" if scheme == "dark" else "light") as (page, _):
        open_run(page, shared, "made")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
        for key in "gts":
            page.keyboard.press(key)
            assert page.evaluate(CONTRAST) == []
        page.goto(f"{shared.home}/start?graph=letter")
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
        assert page.evaluate(CONTRAST) == []


def test_the_colours_can_be_chosen(browser: Browser, shared: Studio) -> None:
    with chromium.page(browser, shared.home) as (page, _):
        open_run(page, shared, "made")
        page.get_by_label("Colours").select_option("dark")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(11, 18, 32)"
        page.reload()
        expect(status(page)).to_be_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(11, 18, 32)"


# -- when something is wrong -------------------------------------------------------------------------------------------


def test_the_server_restarts(browser: Browser, tmp_path: Path) -> None:
    """The page says so, goes on by itself, and may look but not act until the new address is opened."""
    with studio(tmp_path, GRAPHS) as at:
        at.graphflow("run", LETTER, "topic=owls", "--run-id", "first", expect=3)
        at.start()
        with chromium.page(browser, at.home) as (page, seen):
            open_run(page, at, "first")
            assert at.stop() in (0, 130)
            expect(page.locator("#lost")).to_contain_text("No connection to the studio")
            at.graphflow(
                "runs", "answer", "first", "review", '{"verdict": "change", "reason": "Longer."}', "--resume", expect=3
            )
            at.start()
            expect(page.locator("#lost")).to_be_hidden()
            expect(page.get_by_role("region", name="Question")).to_contain_text("Longer.")
            expect(page.locator("#look")).to_contain_text("the studio was started anew since")
            expect(page.get_by_role("button", name="Send", exact=True)).to_have_count(0)
            enter(page, at)
            page.goto(f"{at.home}/runs/first")
            page.get_by_role("button", name="Send", exact=True).click()
            says(page, "done")
            seen.forget(
                "ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE"
            )


def test_read_only_shows_and_offers_nothing(browser: Browser, tmp_path: Path) -> None:
    with studio(tmp_path, "--read-only") as at:
        at.graphflow("run", LETTER, "topic=owls", "--run-id", "first", expect=3)
        at.start()
        with chromium.page(browser, at.home) as (page, _):
            open_run(page, at, "first")
            expect(page.get_by_role("region", name="Question")).to_contain_text("Send this?")
            expect(page.get_by_text("--read-only")).to_have_count(1)
            for name in ("Send", "Change", "Resume", "Stop", "Rerun from here"):
                expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
            expect(page.get_by_role("link", name="Start a run")).to_be_hidden()


def test_a_run_whose_graph_is_gone_is_still_shown(browser: Browser, tmp_path: Path) -> None:
    """From its stored plan; what can no longer be done is said where the person looks."""
    own = tmp_path / "own.py"
    own.write_text(Path(GRAPHS).read_text(encoding="utf-8"), encoding="utf-8")
    with studio(tmp_path) as at:
        at.graphflow("run", f"{own}:story", "topic=owls", "--run-id", "first", expect=3)
        own.unlink()
        at.start()
        with chromium.page(browser, at.home) as (page, _):
            open_run(page, at, "first")
            expect(card(page, "review")).to_have_class(re.compile("status-waiting"))
            expect(page.locator("aside")).to_contain_text("own.py")
            expect(page.get_by_role("button", name="Send", exact=True)).to_have_count(0)


def test_an_address_that_leads_nowhere(browser: Browser, shared: Studio) -> None:
    with chromium.page(browser, shared.home) as (page, seen):
        page.goto(f"{shared.home}/runs/no-such-run")
        expect(page.get_by_role("alert")).to_contain_text("no-such-run")
        seen.forget("404")


def test_the_page_is_small_and_quick(browser: Browser, shared: Studio) -> None:
    """Under 60 KB of own script and style; what was loaded for a run is counted as the browser counts it."""
    folder = Path(__file__).parents[2] / "graphflow" / "studio" / "page"
    own = sum(file.stat().st_size for file in folder.iterdir() if file.suffix in (".js", ".css"))
    assert own < 60_000
    with chromium.page(browser, shared.home) as (page, _):
        open_run(page, shared, "made")
        assert page.evaluate("performance.getEntriesByType('resource').length") < 45
