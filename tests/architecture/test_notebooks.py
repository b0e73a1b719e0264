"""The notebooks run from top to bottom, and what is kept of their output is what they give now.

GRAPHFLOW_SNAPSHOTS=write writes that anew, of the cells of which something is kept.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.architecture.notebooks import (
    NOTEBOOKS,
    ROOT,
    Cell,
    cells_of,
    has_kernel,
    keep_anew,
    picture_in,
    run_in_process,
    run_with_kernels,
)

IS_KERNEL_THERE = has_kernel()
each = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
_VARYING = (
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "clock"),
    (re.compile(r"\b\d+(\.\d+)? (ms|s|min)\b"), "time"),
    (re.compile(r"\br-[0-9a-f]{8}\b"), "run"),
    (re.compile(r" +"), " "),  # columns are as wide as what is in them
)


def steady(text: str) -> str:
    """A text without what differs from one time to the next."""
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return text


def squeezed(text: str) -> str:
    """The same without lines and spaces: IPython breaks long values into lines."""
    return "".join(steady(text).split())


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Cell] | Exception]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        return run_with_kernels(tmp_path_factory.mktemp("notebooks"))


@pytest.fixture
def around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where a notebook works if it has no process of its own; what it imported from there is forgotten."""
    known = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in set(sys.modules) - known:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if not file.startswith((str(ROOT), sys.prefix, sys.base_prefix)):
            del sys.modules[name]


@pytest.mark.skipif(not IS_KERNEL_THERE, reason="pip install nbclient ipykernel: notebooks run without a kernel here")
@each
def test_a_notebook_runs_with_a_kernel_from_top_to_bottom(
    notebook: Path, executed: dict[str, list[Cell] | Exception]
) -> None:
    found = executed[notebook.stem]
    if isinstance(found, Exception):
        raise found
    if os.environ.get("GRAPHFLOW_SNAPSHOTS") == "write":
        keep_anew(notebook, found)
        found = [replace(cell, kept=kept.kept) for cell, kept in zip(found, cells_of(notebook), strict=True)]
    shows_what_is_kept(found)


@pytest.mark.skipif(IS_KERNEL_THERE, reason="they run with a kernel here")
@pytest.mark.usefixtures("around")
@each
def test_a_notebook_runs_without_a_kernel_too(notebook: Path) -> None:
    shows_what_is_kept(run_in_process(notebook))


def shows_what_is_kept(cells: list[Cell]) -> None:
    """Words as they were, but for times; of a picture the same parts, wherever they lie."""
    for cell in cells:
        if cell.kept_text():
            assert steady(cell.printed) == steady(cell.kept_text())
        for kept, shown in zip(cell.kept_bundles(), cell.shown, strict=False):
            picture = kept.get("image/svg+xml")
            if picture is None:
                assert squeezed("".join(shown["text/plain"])) == squeezed(kept["text/plain"])
            elif (now := picture_in(shown)) is not None:
                assert parts(picture) == parts(now)
        assert len(cell.kept_bundles()) <= len(cell.shown)


def parts(svg: str) -> set[str]:
    """The ids of what is drawn, as the drawing has them."""
    root = ElementTree.fromstring(svg)
    prefix = root.attrib["id"].removesuffix("drawing")
    return {element.get("id", "").removeprefix(prefix) for element in root.iter() if element.get("id")}


@each
def test_a_notebook_is_kept_as_somebody_would_get_it(notebook: Path) -> None:
    """No machine is in it, no error, no trace of how often it was run; pictures once, and not too large."""
    text = notebook.read_text(encoding="utf-8")
    assert not re.search(r"/(tmp|home|root|work|Users)\b|ipykernel_\d|site-packages", text)
    assert len(text) < 200_000
    read = json.loads(text)
    assert read["metadata"]["language_info"] == {"name": "python"}
    for cell in read["cells"]:
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert cell["execution_count"] is None
            for output in cell["outputs"]:
                assert output["output_type"] in ("stream", "execute_result", "display_data")
                assert output.get("name", "stdout") == "stdout"
                assert "text/html" not in output.get("data", {}), "a picture is kept as an SVG"
    ids = [cell["id"] for cell in read["cells"]]
    assert ids == [f"cell-{number}" for number in range(len(ids))]


@each
def test_the_code_of_a_notebook_is_no_wider_than_a_page(notebook: Path) -> None:
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            compile(source, notebook.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            assert max(map(len, source.splitlines())) <= 120


def test_what_notebooks_link_to_is_there() -> None:
    for notebook in NOTEBOOKS:
        for target in re.findall(r"\]\(([^)#:]+)\)", notebook.read_text(encoding="utf-8")):
            assert (notebook.parent / target).exists(), f"{notebook.name} links to {target}"
