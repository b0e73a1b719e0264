"""What ``check`` gives back shows itself: as text in a terminal, as a table in a notebook."""

from __future__ import annotations

from graphflow.errors import CODES, Finding, Place
from graphflow.graph.check import Findings, check
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END, START
from tests.graph.check.texts import Story, nodes, said


def finding(severity: str, what: str = "Something", **more: object) -> Finding:
    return Finding("GF143", severity, "news", what, "Because. (S1.2)", "graph.edge(a, END)", **more)  # type: ignore[arg-type]


def test_text_counts_each_severity_and_puts_errors_first() -> None:
    found = Findings([finding("advice", "C"), finding("error", "A"), finding("error", "B")])
    assert str(found) == said(
        """
        2 errors

        [GF143] A
          why    Because. (S1.2)
          fix    graph.edge(a, END)

        [GF143] B
          why    Because. (S1.2)
          fix    graph.edge(a, END)

        advice

        [GF143] C
          why    Because. (S1.2)
          fix    graph.edge(a, END)
        """
    )


def test_errors_are_those_that_stop_a_run() -> None:
    found = Findings([finding("warning"), finding("error"), finding("advice")])
    assert [one.severity for one in found.errors] == ["error"]
    assert [one.severity for one in found.of("warning")] == ["warning"]
    assert not Findings()


def test_a_notebook_gets_a_table_in_which_names_cannot_be_markup() -> None:
    place = Place("/nowhere.py", 3)
    shown = Findings([finding("error", "Node '<script>' & co", where=(place,))])._repr_mimebundle_()
    assert shown["text/plain"].startswith("1 error")
    assert "<script>" not in shown["text/html"]
    assert "Node &#x27;&lt;script&gt;&#x27; &amp; co" in shown["text/html"]
    assert "/nowhere.py:3" in shown["text/html"]


def test_a_clean_graph_says_so() -> None:
    graph = Declaration("news", Story)
    graph.chain(START, *nodes(graph, "plan"), END)
    found = check(graph.plan())
    assert found == []
    assert str(found) == "Nothing found."
    assert "Nothing found." in found._repr_mimebundle_()["text/html"]


def test_every_code_of_check_can_be_explained() -> None:
    codes = [code for code in CODES if "GF140" <= code <= "GF189"]
    assert len(codes) > 30
    assert all(CODES[code].title and CODES[code].text.endswith((".", ")", "...")) for code in codes)
