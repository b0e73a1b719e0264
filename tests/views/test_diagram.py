"""A diagram in a user's hands: shown, printed, saved, and every way that can go wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from graphflow.errors import CODES, DrawingError
from graphflow.views import draw, rendering
from tests.views.samples import essay, intel


@pytest.fixture
def no_renderer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Graphviz: no program on the PATH, no wheel."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


@pytest.mark.parametrize(
    ("suffix", "start"),
    [
        ("svg", b"<svg"),
        ("png", b"\x89PNG"),
        ("pdf", b"%PDF"),
        ("dot", b"digraph"),
        ("mmd", b"flowchart"),
        ("txt", b"essay"),
    ],
)
def test_save_writes_the_format_of_the_suffix(tmp_path: Path, suffix: str, start: bytes) -> None:
    saved = draw(essay()).save(tmp_path / f"essay.{suffix}")
    assert saved.read_bytes().startswith(start)
    assert draw(essay()).save(str(tmp_path / f"E.{suffix.upper()}")).exists()


def test_pictures_are_drawn_with_an_empty_path(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygraphviz")
    monkeypatch.setenv("PATH", "")
    assert draw(intel()).png.startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["essay.jpg", "essay", "essay."])
def test_an_unknown_suffix_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DrawingError) as caught:
        draw(essay()).save(tmp_path / name)
    assert caught.value.code == "GF512"
    assert ".mmd" in caught.value.why
    assert "essay.svg" in caught.value.fix


def test_a_missing_folder_is_refused_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(DrawingError) as caught:
        draw(essay()).save(tmp_path / "picturs" / "essay.dot")
    assert caught.value.code == "GF513"
    assert not (tmp_path / "picturs").exists()


def test_a_file_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "essay.dot").mkdir()
    with pytest.raises(DrawingError, match=r"essay\.dot") as caught:
        draw(essay()).save(tmp_path / "essay.dot")
    assert caught.value.code == "GF514"
    assert caught.value.why


@pytest.mark.usefixtures("no_renderer")
@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_without_a_renderer_saving_a_picture_says_what_to_install(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(DrawingError) as caught:
        draw(essay()).save(tmp_path / f"essay.{suffix}")
    assert caught.value.code == "GF510"
    assert "pip install graphflow-agents[viz]" in caught.value.fix
    assert not (tmp_path / f"essay.{suffix}").exists()


@pytest.mark.usefixtures("no_renderer")
def test_without_a_renderer_a_notebook_shows_the_text_with_a_hint(tmp_path: Path) -> None:
    bundle = draw(essay())._repr_mimebundle_()
    assert set(bundle) == {"text/plain"}
    assert "write" in bundle["text/plain"]
    assert "pip install graphflow-agents[viz]" in bundle["text/plain"]
    for suffix in ("dot", "mmd", "txt"):
        assert draw(essay()).save(tmp_path / f"essay.{suffix}").exists()


def test_a_notebook_shows_the_picture_and_the_text() -> None:
    bundle = draw(essay())._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/svg+xml", "text/plain"}
    assert bundle["image/svg+xml"].startswith("<svg")
    assert bundle["image/svg+xml"] in bundle["text/html"]


def test_a_renderer_that_fails_does_not_take_the_cell_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(dot: str, picture: str) -> bytes:
        raise ValueError("lost its fonts")

    monkeypatch.setattr(rendering, "_by_program", failing)
    monkeypatch.setattr(rendering, "_by_wheel", failing)
    assert "write" in draw(essay())._repr_mimebundle_()["text/plain"]
    with pytest.raises(DrawingError, match="lost its fonts") as caught:
        _ = draw(essay()).svg
    assert caught.value.code == "GF511"


def test_the_program_on_the_path_comes_first_and_the_wheel_stands_in_for_a_broken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "dot"
    program.write_text('#!/bin/sh\nprintf "%s" "drawn by hand"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert draw(essay()).png == b"drawn by hand"
    program.write_text("#!/bin/sh\necho 'no such format' >&2\nexit 1\n")
    pytest.importorskip("pygraphviz")
    assert draw(essay()).png.startswith(b"\x89PNG")


def test_printing_shows_the_text_and_the_repr_is_one_line() -> None:
    diagram = draw(essay())
    assert str(diagram) == diagram.text
    assert repr(diagram) == "<diagram of 'essay': 4 nodes, 5 edges>"


def test_drawing_errors_are_explained() -> None:
    for number in range(510, 517):
        assert len(CODES[f"GF{number}"].text) > 40


def test_importing_views_loads_neither_graphviz_nor_a_renderer() -> None:
    code = (
        "import sys, graphflow.views; "
        "assert not {'graphviz', 'pygraphviz', 'graphflow.views.diagram'} & set(sys.modules); "
        "graphflow.views.draw; assert not {'graphviz', 'pygraphviz'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
