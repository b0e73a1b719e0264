"""``graphflow explain``: an error code, or a rule of the semantics, at length."""

from __future__ import annotations

import argparse
import textwrap

from graphflow.cli import exits
from graphflow.cli.arguments import Parser, add_common
from graphflow.cli.output import print_data, print_json
from graphflow.cli.rules import rule_named, rules
from graphflow.errors import CODES, TargetNotFound, nearest

_DESCRIPTION = """\
Tell what an error code means and how to mend its cause. Without a code, list
all there are: GF1xx graph, GF2xx run, GF3xx store, GF4xx agents and models,
GF5xx command line, GF9xx graphflow itself.

What stands in brackets in messages and texts, as (S3.1), is the number of the
rule of graphflow's semantics that is at work there; it is explained as well."""

_EXAMPLES = ("graphflow explain GF204", "graphflow explain S4.4", "graphflow explain")
_WIDTH = 88


def make_parser() -> Parser:
    """The arguments of ``graphflow explain``."""
    parser = Parser("explain [CODE]", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("code", metavar="CODE", nargs="?", help="as it stands in brackets before a message")
    add_common(parser)
    return parser


def run(given: argparse.Namespace) -> int:
    """Carry the command out. Returns its exit code."""
    rule = None if given.code is None else rule_named(given.code)
    if rule is not None:
        return _explain_rule(rule, given.json)
    names = sorted(CODES) if given.code is None else [known_code(given.code)]
    if given.json:
        codes = [{"code": name, "title": CODES[name].title, "text": CODES[name].text} for name in names]
        print_json({"schema": "graphflow.explain/1", "codes": codes})
    elif given.code is None:
        print_data("\n".join(f"{name}  {CODES[name].title}" for name in names))
    else:
        code = CODES[names[0]]
        print_data(f"{names[0]}  {code.title}\n\n{textwrap.fill(code.text, _WIDTH, break_on_hyphens=False)}")
    return exits.DONE


def _explain_rule(name: str, as_json: bool) -> int:
    text = rules().get(name)
    if text is None:
        raise TargetNotFound(
            f"There is no rule {name}",
            code="GF526",
            why="Rules are S and a section, or a section and a number: S4, S4.4.",
            fix=f"Sections are {', '.join(rule for rule in rules() if '.' not in rule)}.",
        )
    if as_json:
        print_json({"schema": "graphflow.rule/1", "rule": name, "text": text})
    else:
        print_data(f"{name}  {text}")
    return exits.DONE


_MOST_ALIKE = 10


def known_code(typed: str) -> str:
    """The code as it is written: ``[gf204]`` and ``204`` will do. Raises TargetNotFound."""
    code = typed.strip("[] ").upper()
    code = code if code.startswith("GF") else f"GF{code}"
    if code in CODES:
        return code
    close = nearest(code, CODES)
    alike = sorted(known for known in CODES if known.startswith(code)) if len(code) > 2 else []
    if alike:
        close = f"one of {', '.join(alike[:_MOST_ALIKE])}{', ...' if len(alike) > _MOST_ALIKE else ''}"
    raise TargetNotFound(
        f"There is no error code {typed!r}",
        code="GF526",
        why="Codes are GF and three digits, as in [GF204].",
        fix=(f"Did you mean {close}? " if close else "") + "graphflow explain lists all.",
    )
