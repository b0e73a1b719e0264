"""GF1xx: what is wrong with a graph as declared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphflow.errors.base import CODES, Code, Finding, GraphflowError, Place


class DeclarationError(GraphflowError):
    """A line that declares part of a graph is wrong, and raised right there.

    The code is given by the line that raises it, since every mistake has one of its own.
    """

    code = "GF100"

    def __init__(
        self, what: str, *, code: str = "GF100", why: str = "", fix: str = "", where: Iterable[Place] = ()
    ) -> None:
        super().__init__(what, why=why, fix=fix, where=where)
        self.code = code  # one class, many codes: each mistake has its own


class GraphError(GraphflowError):
    """A graph that ``check`` found errors in was asked to run. ``findings`` holds all of them."""

    code = "GF101"

    def __init__(self, graph: str, findings: Sequence[Finding]) -> None:
        errors = [finding for finding in findings if finding.severity == "error"]
        super().__init__(
            f"Graph {graph!r} has {len(errors)} error{'s' if len(errors) != 1 else ''} and was not run",
            why="\n".join(str(finding) for finding in errors),
            fix="Mend these; `graph.check()` lists them without running anything.",
        )
        self.findings = tuple(findings)


CODES["GF100"] = Code("A declaration is wrong", "A line that declares a node, an edge or the state cannot be accepted.")
CODES["GF101"] = Code(
    "The graph has errors", "`run` refuses a graph in which `check` finds an error. Nothing was started."
)
