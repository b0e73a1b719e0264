"""What ``check`` gives back: a list of findings that shows itself in a terminal and in a notebook."""

from __future__ import annotations

from html import escape
from typing import Any, Literal

from graphflow.errors import Finding, Place

_SEVERITIES: tuple[Literal["error", "warning", "advice"], ...] = ("error", "warning", "advice")
_STYLE = (
    "<style>.graphflow-findings td{text-align:left;vertical-align:top;white-space:pre-wrap}"
    ".graphflow-findings th{text-align:left}</style>"
)


class Findings(list[Finding]):
    """All that is to be said of a graph, errors first. Empty (and so false) if the graph is clean.

    >>> print(Findings())
    Nothing found.
    """

    @property
    def errors(self) -> list[Finding]:
        """Those that stop the graph from running."""
        return self.of("error")

    def of(self, severity: Literal["error", "warning", "advice"]) -> list[Finding]:
        """Those of one severity."""
        return [finding for finding in self if finding.severity == severity]

    def __str__(self) -> str:
        if not self:
            return "Nothing found."
        parts: list[str] = []
        for severity in _SEVERITIES:
            found = self.of(severity)
            if found:
                parts.append("\n\n".join([_counted(len(found), severity), *(finding.text for finding in found)]))
        return "\n\n".join(parts)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows."""
        return {"text/plain": str(self), "text/html": _table(self)}


def _counted(count: int, severity: str) -> str:
    return severity if severity == "advice" else f"{count} {severity}{'s' if count != 1 else ''}"


def _table(findings: Findings) -> str:
    if not findings:
        return "<p>Nothing found.</p>"
    head = "".join(f"<th>{title}</th>" for title in ("", "code", "what", "where", "why", "fix"))
    rows = "".join(_row(finding) for finding in findings)
    return f'{_STYLE}<table class="graphflow-findings"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _row(finding: Finding) -> str:
    where = "\n".join(_with_text(place) for place in finding.where)
    cells = (finding.severity, finding.code, finding.what, where, finding.why, finding.fix)
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _with_text(place: Place) -> str:
    return f"{place}   {place.text}".rstrip()
