"""Mermaid itself, in a browser: fetched by npm into a folder of the test's own, nothing of it is kept or shipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from tests.studio.chromium import browser

if TYPE_CHECKING:
    from playwright.sync_api import Page

_PACKAGE = "mermaid@11"
_SCRIPT = "package/dist/mermaid.min.js"
_PATIENCE_S = 120
_PARSE = """async (texts) => {
  const said = [];
  for (const text of texts) {
    try { await mermaid.parse(text); said.push(""); } catch (error) { said.push(String(error.message || error)); }
  }
  return said;
}"""
_RENDER = """async (text) => {
  const { svg } = await mermaid.render("drawn", text);
  document.body.innerHTML = svg;
  const shown = (selector) => [...document.querySelectorAll(selector)].map((one) => one.textContent);
  return { nodes: shown(".node"), edges: shown(".edgeLabel .label"), frames: shown(".cluster-label") };
}"""


class Mermaid:
    """What Mermaid says of texts, and what it shows."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def refusals(self, texts: Sequence[str]) -> list[str]:
        """What it says of each text that it cannot read; empty for one that it can."""
        said: list[str] = self._page.evaluate(_PARSE, list(texts))
        return said

    def shown(self, text: str) -> dict[str, list[str]]:
        """The words on the nodes, edges and frames that it draws, as somebody reads them."""
        found: dict[str, list[str]] = self._page.evaluate(_RENDER, text)
        return found


@contextmanager
def mermaid(folder: Path) -> Generator[Mermaid, None, None]:
    """Mermaid in a page of its own. Where it cannot be had its tests are skipped, and that is told."""
    pytest.importorskip("playwright.sync_api", reason="pip install playwright: Mermaid's own parser is NOT asked")
    script = _fetched(folder)
    with browser() as opened:
        page = opened.new_page()
        page.set_default_timeout(60_000)
        page.set_content("<body></body>")
        page.add_script_tag(path=script)
        page.evaluate("mermaid.initialize({ startOnLoad: false })")
        yield Mermaid(page)


def _fetched(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        _skip("npm is not installed here")
    words = [npm, "pack", _PACKAGE, "--silent", "--cache", str(folder / "cache"), "--pack-destination", str(folder)]
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        _skip(f"npm did not fetch {_PACKAGE} within {_PATIENCE_S} s")
    packed = next(folder.glob("mermaid-*.tgz"), None)
    if done.returncode or packed is None:
        _skip(f"npm could not fetch {_PACKAGE}: {' '.join(done.stderr.split())[-200:] or 'it said nothing'}")
    with tarfile.open(packed) as archive:
        archive.extract(_SCRIPT, folder, filter="data")
    return folder / _SCRIPT


def _skip(why: str) -> NoReturn:
    if os.environ.get("GRAPHFLOW_BROWSER") == "required":
        pytest.fail(f"{why}, and GRAPHFLOW_BROWSER asks for it.")
    pytest.skip(f"{why}: Mermaid's own parser is NOT asked.")
