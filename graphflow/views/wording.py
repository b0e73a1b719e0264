"""What stands on cards and arrows: short, so that it can be read at a glance; tooltips hold the whole of it.

Any text may come in: line breaks, control characters, right-to-left, nothing at all. What cannot be seen is written
as an escape, so that every format takes the text, and no invisible character makes one name look like another.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from graphflow.core.plan import Edge, Node, Plan

NAME_WIDTH = 28
PURPOSE_WIDTH = 38
LABEL_WIDTH = 26
LABEL_LENGTH = 78
HANDOFF_LENGTH = 40
_JOINER = "\N{ZERO WIDTH JOINER}"  # holds emoji together: the one character of its kind that is kept
_WORDS = {"agent": "AGENT", "function": "FUNCTION", "graph": "SUBGRAPH", "ask": "HUMAN", "point": "POINT"}


def visible(text: str) -> str:
    """The text in one line, in which every character can be seen.

    >>> visible("two\\nlines"), visible("bell\\x07"), visible("  ")
    ('two lines', 'bell\\\\x07', "'  '")
    """
    shown = "".join(_visible_character(character) for character in text)
    return shown if shown.strip() else f"'{shown}'"


def _visible_character(character: str) -> str:
    if character.isprintable() or character == _JOINER:
        return character
    if character.isspace() and character not in "\x1c\x1d\x1e\x1f":
        return " "
    return character.encode("unicode_escape").decode("ascii")


def shortened(text: str, length: int) -> str:
    """The text, cut with an ellipsis where it is longer."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def wrapped(text: str, width: int, lines: int) -> list[str]:
    """The text in at most so many lines of about this width, the last one cut with an ellipsis if there is more.

    >>> wrapped("a rather long text", 8, 2)
    ['a rather', 'long…']
    """
    broken = textwrap.wrap(text, width, break_on_hyphens=False, drop_whitespace=True) or [text]
    if len(broken) > lines:
        broken = [*broken[: lines - 1], shortened(broken[lines - 1], width - 1).rstrip("…") + "…"]
    return broken


def filled(parts: Iterable[str], separator: str, width: int, lines: int) -> list[str]:
    """Parts side by side, in as many lines as it takes; one is broken, in at most so many lines, only if it must be.

    >>> filled(["else", "↻ ≤ 2", "rather long"], "  ", 11, 2)
    ['else  ↻ ≤ 2', 'rather long']
    """
    found: list[str] = []
    for part in parts:
        if found and len(found[-1]) + len(separator) + len(part) <= width:
            found[-1] += separator + part
        else:
            found += wrapped(part, width, lines)
    return found


def fitted(parts: Sequence[str], separator: str, length: int) -> str:
    """Parts in one line, the longest cut so that it fits: what is short, as a limit, stays whole.

    >>> fitted(["a long description", "↻ ≤ 2"], "  ", 16)
    'a long d…  ↻ ≤ 2'
    """
    excess = len(separator.join(parts)) - length
    if excess <= 0 or not parts:
        return separator.join(parts)
    longest = max(range(len(parts)), key=lambda place: len(parts[place]))
    cut = shortened(parts[longest], max(len(parts[longest]) - excess, 8))
    return separator.join([*parts[:longest], cut, *parts[longest + 1 :]])


def seconds_text(seconds: float) -> str:
    """A duration in its largest whole unit.

    >>> seconds_text(60), seconds_text(0.5), seconds_text(900), seconds_text(86_400)
    ('60 s', '0.5 s', '15 min', '1 day')
    """
    if seconds >= 86_400 and seconds % 86_400 == 0:
        days = int(seconds // 86_400)
        return f"{days} day{'s' if days != 1 else ''}"
    if seconds >= 3_600 and seconds % 3_600 == 0:
        return f"{int(seconds // 3_600)} h"
    if seconds > 120 and seconds % 60 == 0:
        return f"{int(seconds // 60)} min"
    return f"{seconds:g} s"


def word_of(node: Node) -> str:
    """The kind of a node as written on its card: its role where it has one."""
    return visible(node.role).upper() if node.role.strip() else _WORDS.get(node.kind, node.kind.upper())


def purpose_of(node: Node) -> str:
    if node.purpose.strip() or node.ask is None:
        return node.purpose.strip()
    return next((line.strip() for line in node.ask.template.splitlines() if line.strip()), "")


def badges_of(node: Node, plan: Plan) -> tuple[str, ...]:
    """Short facts: those the node was declared with, then its policies."""
    badges = list(node.badges)
    if node.retry is not None and node.retry.attempts > 1:
        retries = node.retry.attempts - 1
        badges.append(f"↻ {retries} {'retry' if retries == 1 else 'retries'}")
    if node.timeout_s is not None:
        badges.append(f"{seconds_text(node.timeout_s)} limit")
    if node.at_once is not None:
        badges.append(f"max {node.at_once} at once")
    badges += [guarded_text(rail.name) for rail in node.guardrails]
    if plan.on_budget == node.index:
        badges.append("when the budget is used up")
    return tuple(dict.fromkeys(visible(badge) for badge in badges))


def fields_of(node: Node) -> tuple[str, ...]:
    """What a node reads and writes, a line each; nothing where it did not say."""
    lines: list[str] = []
    if node.reads is not None:
        lines.append(f"reads: {', '.join(sorted(node.reads)) or 'nothing'}")
    writes = node.writes.fields or tuple(sorted(node.writes.declared or ()))
    if not writes and node.writes.sources:
        writes = tuple(name for name, _ in node.writes.sources)
    if writes:
        lines.append(f"writes: {', '.join(dict.fromkeys(writes))}")
    return tuple(lines)


def guarded_text(name: str) -> str:
    """A guardrail (S8.4), on a card or an edge."""
    return f"guarded: {visible(name)}"


def is_else(edge: Edge, plan: Plan) -> bool:
    """Whether it is what remains: an exit without a condition, tried after others (S4.2)."""
    exits = plan.nodes[edge.source].exits
    return edge.guard is None and edge.index in [other.index for other in exits[1:]]


def limit_text(edge: Edge, is_loop: bool) -> str:
    """How often an edge may be taken (S4.5); always printed."""
    if edge.unbounded:
        return "↻ unbounded" if is_loop else "unbounded"
    count = edge.limit.at_most if edge.limit is not None else edge.at_most
    if count is None:
        return ""
    shared = " shared" if edge.limit is not None else ""
    return f"↻ ≤ {count}{shared}" if is_loop else f"at most {count}×{shared}"


def labels_of(edge: Edge, plan: Plan, is_loop: bool) -> tuple[str, ...]:
    """What stands on an edge: its cause or description, its condition, its guardrails, its limit."""
    return tuple(_parts(edge, plan, is_loop, HANDOFF_LENGTH, LABEL_LENGTH))


def explanation_of(edge: Edge, plan: Plan, is_loop: bool) -> str:
    """The tooltip of an edge: where from and to, and everything on it uncut, a line each."""
    targets = ", ".join(visible(plan.nodes[target].name) for target in edge.targets)
    lines = [f"{visible(plan.nodes[edge.source].name)} → {targets}"]
    lines += _parts(edge, plan, is_loop, None, None)
    if edge.over is not None:
        lines.append(branch_label(edge, 0))
    return "\n".join(lines)


def _parts(edge: Edge, plan: Plan, is_loop: bool, description: int | None, condition: int | None) -> list[str]:
    parts: list[str] = []
    if edge.kind == "error":
        parts.append(" or ".join(error.__name__ for error in edge.errors) or "error")
    if edge.kind == "timer" and edge.after_s is not None:
        parts.append(f"after {seconds_text(edge.after_s)}")
    if edge.description.strip():
        text = visible(edge.description.strip())
        parts.append(text if description is None else shortened(text, description))
    if edge.guard is not None:
        text = visible(edge.guard.label)
        parts.append(f"[{text if condition is None else shortened(text, condition)}]")
    elif is_else(edge, plan):
        parts.append("else")
    parts += [guarded_text(rail.name) for rail in edge.guardrails]
    limit = limit_text(edge, is_loop)
    return [*parts, limit] if limit else parts


def branch_label(edge: Edge, position: int) -> str:
    """What stands on the way from a fork's bar to one of its targets."""
    if edge.over is not None:
        return f"each of {visible(edge.over.label)}" + (f", {edge.at_once} at once" if edge.at_once else "")
    guard = edge.branch_guards[position] if position < len(edge.branch_guards) else None
    return "" if guard is None else f"[{shortened(visible(guard.label), LABEL_LENGTH)}]"


def region_name(edge: Edge) -> str:
    return "FAN-OUT × N" if edge.kind == "map" else "PARALLEL"


def region_badges(edge: Edge) -> tuple[str, ...]:
    at_once = (f"{edge.at_once} at once",) if edge.kind == "fork" and edge.at_once else ()
    return (*at_once, "shared state") if edge.shared else at_once


def need_label(edge: Edge) -> str:
    """The condition on which a join fires (S6.6); nothing where all branches are awaited."""
    need = edge.need
    if need.kind == "all":
        return ""
    if need.kind == "condition":
        return f"[{shortened(visible(str(need)), LABEL_LENGTH)}]"
    if need.kind == "quorum" and need.count == 1:
        return "[first ok]"
    total = "N" if edge.kind == "map" else str(len(edge.targets))
    within = "" if need.within_s is None else f", within {seconds_text(need.within_s)}"
    return f"[ok ≥ {need.count} of {total}{within}]"


def join_policy(edge: Edge) -> str:
    """When a join fires and what becomes of failures, in words (S6.6, S6.7)."""
    fires = {
        "all": "fires when all branches have settled",
        "quorum": f"fires when {edge.need.count} branches are done; the others are then cancelled",
        "best_effort": f"fires when all have settled or time is over, with {edge.need.count} done",
        "condition": f"fires when {visible(str(edge.need))}, or all have settled",
    }[edge.need.kind]
    within = "" if edge.need.within_s is None else f" (within {seconds_text(edge.need.within_s)})"
    failures = {
        "stop": "a failed branch stops the others and is an error of the join",
        "collect": "a failed branch is data: the join sees it in ctx.branches",
    }[edge.failures]
    return f"join: {fires}{within}; {failures}"


def fork_policy(edge: Edge, plan: Plan) -> str:
    """What a fork starts, in words (S6.1, S6.9)."""
    names = ", ".join(visible(plan.nodes[target].name) for target in edge.targets)
    if edge.over is not None:
        text = f"one branch of {names} for each of {visible(edge.over.label)}"
    else:
        guarded = ", those whose condition holds" if any(edge.branch_guards) else ""
        text = f"branches: {names}{guarded}"
    return text + (f"; {edge.at_once} at once" if edge.at_once else "") + ("; shared state" if edge.shared else "")


def tooltip_of(node: Node, plan: Plan, word: str, lines: Sequence[str] = ()) -> str:
    """All that a card may have cut or left out, a line each."""
    facts = [f"{word.lower()} {visible(node.name)}"]
    purpose = purpose_of(node)
    facts += [visible(purpose)] if purpose else []
    return "\n".join([*facts, *badges_of(node, plan), *fields_of(node), *lines])
