"""A broken law told as a run, line by line, and as the call that plays it again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graphflow.core import reading
from graphflow.core.journal import decode, text_of
from graphflow.core.plan import Plan
from graphflow.core.scopes import Scope
from graphflow.errors import GraphflowError, shown
from graphflow.graph.context import Handoff
from graphflow.testing.playing.naming import start_told
from graphflow.testing.playing.play import Move, Play, target_name
from graphflow.testing.walking.folding import rounds
from graphflow.testing.walking.walk import Breach, Took

_MOST_LINES = 60
_FIRST_LINES = 15


def story(graph: str, name: str, breach: Breach, play: Play, took: Sequence[Took], replay: str) -> str:
    """The whole message: which law, the run, how it is broken, how to mend it, how to play it again."""
    lines = [f"{name!r} does not hold in graph {graph!r}", *run_lines(play, took)]
    lines += [f"  {line}" for line in breach.lines]
    if breach.fix:
        lines += labelled("fix", breach.fix)
    if replay:
        lines += labelled("replay", replay)
    return "\n".join(line.rstrip() for line in lines)


def run_lines(play: Play, took: Sequence[Took]) -> list[str]:
    """A run, a line per move; of rounds that are the same the first and the last, of a long run beginning and end."""
    names = [_place_of(one) for one in took]
    width = max(map(len, names), default=0)
    told = [f"{name:<{width}}  {what_happened(play, one)}".rstrip() for name, one in zip(names, took, strict=True)]
    lines = list(_numbered(told))
    if len(lines) > _MOST_LINES:
        left = len(lines) - _MOST_LINES
        lines = [*lines[:_FIRST_LINES], f"         ... {left} more ...", *lines[_FIRST_LINES + left :]]
    given = start_told(play.plan, play.start)
    return [f"         start {given}", *lines] if given else lines


def _numbered(told: Sequence[str]) -> Iterator[str]:
    for one in rounds(told):
        for index in range(one.first, one.first + one.length):
            yield f"  {index + 1:>5}. {told[index]}"
        if one.times > 1:
            yield f"         ... and the same again, {one.times - 2} times ..."
            for index in range(one.end - one.length, one.end):
                yield f"  {index + 1:>5}. {told[index]}"


def labelled(label: str, text: str) -> list[str]:
    """Lines with a word before the first of them: ``fix``, ``replay``."""
    return [f"  {label if not number else '':<7} {line}" for number, line in enumerate(text.splitlines())]


def _place_of(took: Took) -> str:
    """Where a move was made: the node, with its branch under a map and in sub-graphs."""
    move = took.move
    if not move.node:
        return move.kind
    scope = took.scope
    if scope is not None and scope.fork is not None and scope.fork.items is not None:
        return f"{move.node}[{scope.index}]"
    return move.node


def what_happened(play: Play, took: Took) -> str:
    """What a move came to: what was said or changed, and where that led."""
    move = took.move
    said = _said(play, took)
    to = _led_to(play, took)
    arrow = f"-> {to}" if to else ""
    fault = "" if not took.is_fault or move.kind in ("crash", "cancel", "again", "clock", "silence") else "(injected)"
    return "  ".join(part for part in (said, fault, arrow) if part)


def _said(play: Play, took: Took) -> str:
    move = took.move
    match move.kind:
        case "reply" if took.is_called:
            return _changed(play, took)
        case "reply" if _had_nobody(took):
            return "has nobody to hand off to"
        case "reply":
            return f"says {shown(move.value)}"
        case "handoff":
            carries = (
                f" with {shown(move.value.data)}"
                if isinstance(move.value, Handoff) and move.value.data is not None
                else ""
            )
            return f"hands off to {_target(move)}{carries}"
        case "fail":
            text = move.value.what if isinstance(move.value, GraphflowError) else str(move.value)
            return f"raises {type(move.value).__name__}" + (f": {text}" if text else "")
        case "answer":
            return f"is answered {shown(move.value)}"
        case "fire":
            return {"retry": "is tried again", "timeout": "takes too long"}.get(move.value[0], "its time is over")
        case "silence":
            return "is never answered"
        case "crash":
            return "the process dies and another goes on" + (f", in the middle of {move.node}" if move.node else "")
        case "cancel":
            return f"{move.cursor or 'the run'} is cancelled"
        case "again":
            before = play.moves[next(n for n, one in enumerate(play.moves) if one is move) - 1]
            if before.kind == "cancel" or (before.kind == "fire" and before.value[0] == "timeout"):
                return "what was cut off returns after all"
            return "what happened last is delivered again"
        case "clock":
            return f"the clock jumps by {move.value:,.0f} s"


def _had_nobody(took: Took) -> bool:
    """Whether a node that has to hand off said nothing, for want of anybody to hand off to."""
    node = None if took.scope is None else next((n for n in took.scope.plan.nodes if n.name == took.move.node), None)
    return took.move.value is None and node is not None and bool(node.handoffs) and not node.exits


def _target(move: Move) -> str:
    return target_name(move.value.target if isinstance(move.value, Handoff) else move.value)


def _changed(play: Play, took: Took) -> str:
    """What a function wrote, field by field."""
    for text in play.texts[took.first : took.last]:
        entry = decode(text_of(text))
        if entry["kind"] == "finished" and entry["at"] == took.move.cursor:
            changes = {name.lstrip("="): value for update in entry.get("updates", ()) for name, value in update.items()}
            return ", ".join(f"{name}={shown(value)}" for name, value in changes.items())
    return f"returns {shown(took.move.value)}" if took.move.value is not None else ""


def _led_to(play: Play, took: Took) -> str:
    """The targets of the edge taken; of a branch that has come to its join nothing need be said."""
    for text in play.texts[took.first : took.last]:
        entry = decode(text_of(text))
        if entry.get("at") == took.move.cursor and "edge" in entry and entry["kind"] != "joined":
            step = reading.step_of(play.plan, entry)
            return "" if took.scope is not None and _is_join(took.scope, step.to) else ", ".join(step.to)
    return ""


def _is_join(scope: Scope, to: Sequence[str]) -> bool:
    plan: Plan = scope.plan
    return scope.join >= 0 and tuple(to) == (plan.nodes[scope.join].name,)
