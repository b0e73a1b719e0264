"""The rules of the semantics, as ``graphflow explain S4.4`` shows them: read from the text that comes with the package."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_SECTION = re.compile(r"^## (S\d+) (.*)$")
_RULE = re.compile(r"^(\d+)\. ")


@cache
def rules() -> dict[str, str]:
    """Every rule by its number (``S4.4``), every section by its own (``S4``), as Markdown.

    >>> rules()["S7.3"].startswith("`Replace(value)` overrides the reducer")
    True
    """
    found: dict[str, list[str]] = {}
    section = rule = ""
    for line in files("graphflow").joinpath("semantics.md").read_text(encoding="utf-8").splitlines():
        if heading := _SECTION.match(line):
            section, rule = heading[1], ""
            found[section] = [heading[2]]
        elif section:
            if number := _RULE.match(line):
                rule = f"{section}.{number[1]}"
                found[rule] = [line[number.end() :]]
            elif rule:
                found[rule].append(line.removeprefix("   "))
            found[section].append(line)
    return {name: "\n".join(lines).strip() for name, lines in found.items()}


def rule_named(typed: str) -> str | None:
    """The number a user means by ``s4.4``, ``(S4.4)`` or ``[S4.4]``; None if it has not the form of one."""
    name = typed.strip("[]() ").upper()
    return name if re.fullmatch(r"S\d+(\.\d+)?", name) else None
