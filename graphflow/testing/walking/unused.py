"""What ``check`` proves of edges that no run can take: properties of the graph, found without a run (S4.2, S5.2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from graphflow.errors import Finding
from graphflow.errors.testing import PropertyFailed

PROVED = {"GF147": "no dead edge", "GF146": "no shadowed edge"}
"""The findings that break a default property, though the graph runs -> its name."""


def never_taken(graph: str, findings: Iterable[Finding], without: Collection[str]) -> PropertyFailed | None:
    """The first such property that does not hold, with all that is found about it."""
    found = list(findings)
    for code, name in PROVED.items():
        broken = [finding for finding in found if finding.code == code]
        if broken and name not in without:
            what = f"{name!r} does not hold in graph {graph!r}"
            story = "\n".join([what, *(line for finding in broken for line in _lines(finding))])
            return PropertyFailed(what, story=story, name=name, fix=broken[0].fix)
    return None


def _lines(finding: Finding) -> Iterator[str]:
    yield f"  {finding.what}"
    yield f"     {finding.why}"
    for place in finding.where:
        yield f"     at {place}   {place.text}".rstrip()
    yield f"  fix     {finding.fix}"
