"""Turning DOT into pictures, with what is there: ``dot`` on the PATH, else the pygraphviz wheel, else a clear error.

Both are Graphviz; the wheel brings its own and works with an empty PATH. Nothing is ever sent anywhere.
"""

from __future__ import annotations

import shutil
import subprocess
import warnings
from typing import Any, Literal

from graphflow.errors import DrawingError

Picture = Literal["svg", "png", "pdf"]
_DPI = {"svg": 72, "png": 144, "pdf": 72}
_PATIENCE_S = 120
HINT = "pip install graphflow-agents[viz]"


def rendered(dot: str, picture: Picture) -> bytes:
    """The picture of a DOT text. Raises DrawingError (GF510) where nothing can lay it out, GF511 where that failed."""
    failures: list[str] = []
    for attempt in (_by_program, _by_wheel):
        try:
            found = attempt(dot, picture)
        except (OSError, subprocess.SubprocessError, ValueError, RuntimeError, UnicodeError) as error:
            failures.append(f"{attempt.__name__.removeprefix('_by_')}: {error}")
            continue
        if found:
            return found
    if failures:
        raise DrawingError(
            f"Graphviz did not draw the {picture}",
            code="GF511",
            why="\n".join(failures),
            fix=f"Save as .dot, .mmd or .txt, or try the other Graphviz: {HINT}",
        )
    raise DrawingError(
        f"Nothing here can lay out a graph as {picture}",
        why="There is neither a `dot` program on the PATH nor the pygraphviz wheel.",
        fix=f"{HINT}   (or save as .dot, .mmd or .txt, which need nothing)",
    )


def _by_program(dot: str, picture: Picture) -> bytes | None:
    """Draw with the ``dot`` program; None if there is none."""
    program = shutil.which("dot")
    if program is None:
        return None
    done = subprocess.run(
        [program, f"-T{picture}", f"-Gdpi={_DPI[picture]}"],
        input=dot.encode(),
        capture_output=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").splitlines()
        raise ValueError(" ".join(said[:3]) or "it wrote nothing")
    return done.stdout


def _by_wheel(dot: str, picture: Picture) -> bytes | None:
    """Draw with the Graphviz inside the pygraphviz wheel; None if it is not installed."""
    try:
        import pygraphviz
    except ImportError:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of every word that Graphviz says, fonts that it replaced included
        graph: Any = pygraphviz.AGraph(string=dot)
        drawn: bytes | None = graph.draw(format=picture, prog="dot", args=f"-Gdpi={_DPI[picture]}")
    return drawn
