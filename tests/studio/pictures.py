"""Takes the README's pictures of the studio: ``python -m tests.studio.pictures``, into notebooks/images.

A brief that failed half-way and was gone on with, and a letter that waits for its reader, both offline.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.studio import chromium
from tests.studio.studios import ROOT, Studio, studio

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IMAGES = ROOT / "notebooks" / "images"
TEXTS = sorted((ROOT / "graphs" / "texts").glob("*.txt"))


def fill(at: Studio) -> None:
    """The runs that the pictures show."""
    graphs = ROOT / "graphs"
    notes = f"notes=@{graphs / 'texts' / 'beyond_batteries.txt'}"
    passages = [f"passages=@{text}" for text in TEXTS]
    at.graphflow(
        "run",
        str(graphs / "pipeline.py"),
        "question=what limits pumped hydro",
        f"text=@{TEXTS[1]}",
        "--run-id",
        "hydro",
    )
    at.graphflow("run", str(graphs / "intel.py"), "topic=storing power for the grid", *passages, "--run-id", "grid")
    at.graphflow(
        "run",
        str(graphs / "human_review.py"),
        "request=What limits pumped hydro?",
        notes,
        "--run-id",
        "letter-7",
        expect=3,
    )


def take(browser: Browser, at: Studio) -> None:
    """One picture in the light of a run that waits, one in the dark of an earlier moment of a run."""
    with chromium.page(browser, at.home) as (page, _):
        page.goto(at.address)
        page.locator("#rows li", has_text="letter-7").locator("a").click()
        page.get_by_role("region", name="Question").wait_for()
        page.locator("svg .status-waiting").first.wait_for()
        page.screenshot(path=IMAGES / "studio-waiting.png")
    with chromium.page(browser, at.home, scheme="dark") as (page, _):
        page.goto(at.address)
        page.locator("#rows li", has_text="grid").locator("a").click()
        page.locator("svg .status-done").first.wait_for()
        page.get_by_label("Step of the run").fill("10")
        page.locator("svg [id='n.research']").click()
        page.get_by_text("Why this edge").wait_for()
        page.screenshot(path=IMAGES / "studio-time-travel.png")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, studio(Path(folder)) as at:
        fill(at)
        at.start()
        with chromium.browser() as browser:
            take(browser, at)


if __name__ == "__main__":
    main()
