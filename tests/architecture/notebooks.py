"""Notebooks run from top to bottom: with a kernel, as a reader has them, or in this process where there is none."""

from __future__ import annotations

import ast
import asyncio
import inspect
import io
import json
import linecache
import os
import re
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
_PATIENCE_S = 300


@dataclass
class Cell:
    """A cell with code: what is kept of it in the repository, and what it gives now."""

    number: int
    source: str
    kept: list[dict[str, Any]]
    printed: str = ""
    shown: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])

    def kept_text(self) -> str:
        return "".join("".join(output["text"]) for output in self.kept if output["output_type"] == "stream")

    def kept_bundles(self) -> list[dict[str, str]]:
        return [{kind: "".join(text) for kind, text in o["data"].items()} for o in self.kept if "data" in o]


def cells_of(notebook: Path) -> list[Cell]:
    found = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [
        Cell(number, "".join(cell["source"]), cell["outputs"])
        for number, cell in enumerate(found)
        if cell["cell_type"] == "code"
    ]


def surroundings() -> dict[str, str]:
    """What a process of a notebook finds: our package, and no key."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "GRAPHFLOW_"))}
    return {**kept, "PYTHONPATH": str(ROOT)}


def run_with_kernels(folder: Path) -> dict[str, list[Cell] | Exception]:
    """Every notebook in a kernel of its own, two at a time. A folder of each is where it works."""

    async def all_of_them() -> dict[str, list[Cell] | Exception]:
        gate = asyncio.Semaphore(2)

        async def one(notebook: Path) -> list[Cell] | Exception:
            async with gate:
                try:
                    return await _with_kernel(notebook, folder / notebook.stem)
                except Exception as error:
                    return error

        done = await asyncio.gather(*map(one, NOTEBOOKS))
        return {notebook.stem: found for notebook, found in zip(NOTEBOOKS, done, strict=True)}

    return asyncio.run(all_of_them())


async def _with_kernel(notebook: Path, folder: Path) -> list[Cell]:
    import nbformat
    from nbclient import NotebookClient

    folder.mkdir()
    read = nbformat.read(notebook, as_version=4)
    client = NotebookClient(
        read, timeout=_PATIENCE_S, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    await client.async_execute(env=surroundings())
    cells = cells_of(notebook)
    for cell in cells:
        for output in read.cells[cell.number].outputs:
            if output.output_type == "stream":
                cell.printed += output.text if output.name == "stdout" else ""
            else:
                cell.shown.append(output.data)
    return cells


def run_in_process(notebook: Path) -> list[Cell]:
    """The same without IPython: cell by cell, with the last line of each shown as a notebook shows it."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    cells = cells_of(notebook)
    with asyncio.Runner() as runner:
        for cell in cells:
            with redirect_stdout(io.StringIO()) as said:
                shown = _run_cell(cell, f"<{notebook.stem} {cell.number}>", namespace, runner)
            cell.printed = said.getvalue()
            if shown is not None:
                cell.shown.append(_bundle_of(shown))
    return cells


def _run_cell(cell: Cell, name: str, namespace: dict[str, object], runner: asyncio.Runner) -> object:
    linecache.cache[name] = (len(cell.source), None, cell.source.splitlines(True), name)
    body = ast.parse(cell.source).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None

    def result(tree: ast.Module | ast.Expression, mode: str) -> object:
        code = compile(tree, name, mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        given = eval(code, namespace)
        return runner.run(given) if inspect.iscoroutine(given) else given

    result(ast.Module(body, []), "exec")
    return None if last is None else result(ast.Expression(last.value), "eval")


def _bundle_of(shown: object) -> Mapping[str, Any]:
    bundle = getattr(shown, "_repr_mimebundle_", None)
    return {"text/plain": repr(shown)} if bundle is None else bundle()


def keep_anew(notebook: Path, cells: list[Cell]) -> None:
    """Write what cells give now in the place of what was kept of them; of what nothing was kept nothing is."""
    read = json.loads(notebook.read_text(encoding="utf-8"))
    for cell in cells:
        if cell.kept:
            printed: list[dict[str, Any]] = [
                {"name": "stdout", "output_type": "stream", "text": cell.printed.splitlines(True)}
            ]
            shown = [_kept_of(bundle) for bundle in cell.shown] if cell.kept_bundles() else []
            read["cells"][cell.number]["outputs"] = (printed if cell.kept_text() else []) + shown
    text = json.dumps(read, indent=1, sort_keys=True, ensure_ascii=False)
    notebook.write_text(f"{text}\n", encoding="utf-8")


def _kept_of(bundle: Mapping[str, Any]) -> dict[str, Any]:
    """A picture with the first line of its text, or the text alone: what a hosting page shows."""
    text = "".join(bundle["text/plain"])
    picture = picture_in(bundle)
    data: dict[str, list[str]] = {"text/plain": text.splitlines(True)}
    if picture is not None:
        data = {"image/svg+xml": picture.splitlines(True), "text/plain": [text.split("\n")[0]]}
    return {"data": data, "execution_count": None, "metadata": {}, "output_type": "execute_result"}


def picture_in(bundle: Mapping[str, Any]) -> str | None:
    """The SVG that a bundle shows, if there is one."""
    found = re.search(r"<svg.*</svg>", "".join(bundle.get("text/html", "")), re.DOTALL)
    return None if found is None else found[0]


def has_kernel() -> bool:
    """Whether notebooks can be run as a reader runs them."""
    from importlib.util import find_spec

    return all(find_spec(name) for name in ("nbclient", "nbformat", "ipykernel"))
