"""The page is all there, in the package, and asks nobody else for anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("starlette")

import graphflow.studio
from graphflow.stores.memory import MemoryStore
from graphflow.studio.files import names
from tests.studio.desks import Page, page_over

FOLDER = Path(graphflow.studio.__file__).parent / "page"
ELSEWHERE = re.compile(r"""(?:https?:)?//(?!www\.w3\.org/|127\.0\.0\.1)[a-z0-9-]+\.[a-z]{2,}""")


@pytest.fixture
def page() -> Iterator[Page]:
    with page_over(MemoryStore()) as made:
        yield made


def test_the_document_is_given_out_for_every_address_of_the_page(page: Page) -> None:
    documents = {page.get(address) for address in ("/", "/runs/owls-1", "/compare?a=1&b=2", "/start", "/start/essay")}
    assert len(documents) == 1
    [document] = documents
    assert document.startswith("<!doctype html>")


def test_every_file_that_the_page_names_is_there(page: Page) -> None:
    named = set(re.findall(r'(?:src|href)="(/page/[^"]+)"', page.get("/")))
    assert named
    waiting = sorted(named)
    while waiting:
        file = waiting.pop()
        answer = page.client.get(file)
        assert answer.status_code == 200, file
        kind = "text/css" if file.endswith(".css") else "text/javascript"
        assert answer.headers["content-type"].startswith(kind)
        if kind == "text/javascript":
            found = re.findall(r'(?:from|import)\s*\(?\s*"(?:\./|/page/)([\w.-]+)"', answer.text)
            fresh = {f"/page/{one}" for one in found} - named
            named |= fresh
            waiting += sorted(fresh)


def test_nothing_is_asked_of_anybody_else() -> None:
    for file in FOLDER.iterdir():
        lines = [line for line in file.read_text().splitlines() if not line.lstrip().startswith("//")]
        assert not ELSEWHERE.search("\n".join(lines)), file


def test_there_is_no_script_or_style_within_the_document(page: Page) -> None:
    """The policy would refuse it."""
    document = page.get("/")
    assert not re.search(r"<script(?![^>]*\bsrc=)", document)
    assert not re.search(r"<style\b|\sstyle=|\son[a-z]+=", document)


def test_what_lies_beside_the_page_is_not_given_out() -> None:
    assert "desk.py" not in names()
    assert all(re.fullmatch(r"[\w-]+\.(html|css|js|svg)", name) for name in names())
