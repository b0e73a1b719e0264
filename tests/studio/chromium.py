"""Chromium for the tests of the studio: Debian's, steered by Playwright, with an eye on everything a page does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--font-render-hinting=none")


def program() -> str:
    """Where the browser is. Where there is none its tests are skipped, and that is told."""
    found = next((path for path in map(shutil.which, _PROGRAMS) if path), None)
    if found is None:
        told = f"No browser is installed here (none of {', '.join(_PROGRAMS)} is in PATH)"
        if os.environ.get("GRAPHFLOW_BROWSER") == "required":
            pytest.fail(f"{told}, and GRAPHFLOW_BROWSER asks for one.")
        pytest.skip(f"{told}: the studio's page is NOT tested.")
    return found


@contextmanager
def browser() -> Generator[Browser, None, None]:
    """One browser. While it is open no other event loop can run in this thread, so a module opens and closes its own."""
    place = program()
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with playwright.sync_playwright() as steered:
        opened = steered.chromium.launch(executable_path=place, args=list(_FLAGS))
        try:
            yield opened
        finally:
            opened.close()


class Seen:
    """What a page did that it should not: said in the console, or asked of anybody but the studio."""

    def __init__(self, page: Page, home: str) -> None:
        self.home = home
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.home, "data:", "about:")):
            self.strangers.append(request.url)

    def forget(self, *words: str) -> None:
        """Complaints that a test has brought about itself: what the browser says of a refused or lost request."""
        self.complaints = [one for one in self.complaints if not any(word in one for word in words)]


@contextmanager
def page(
    opened: Browser,
    home: str,
    *,
    scheme: Literal["light", "dark"] = "light",
    size: tuple[int, int] = (1440, 900),
) -> Generator[tuple[Page, Seen], None, None]:
    """A page in a profile of its own. Whatever it complained of at the end fails the test."""
    profile = opened.new_context(
        color_scheme=scheme, viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce"
    )
    try:
        shown = profile.new_page()
        shown.set_default_timeout(20_000)
        seen = Seen(shown, home)
        yield shown, seen
        assert seen.complaints == []
        assert seen.strangers == []
    finally:
        profile.close()
